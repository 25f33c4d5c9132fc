// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Keepers} from "./Keepers.sol";
import {Providers} from "./Providers.sol";
import {IStaking} from "./interfaces/IStaking.sol";
import {CloneArguments} from "./libraries/CloneArguments.sol";
import {RollingHash} from "./libraries/RollingHash.sol";
import {Tokens} from "./libraries/Tokens.sol";

/// @title Registration and stake of a group
/// @notice Documented at `IStaking`. What concerns one role is in `Providers` and `Keepers`.
contract Staking is Providers, Keepers {
    using RollingHash for RollingHash.Chain;
    using SafeERC20 for IERC20;
    using Tokens for IERC20;

    mapping(Role role => mapping(uint32 id => address owner) owners) private _pendingOwners;

    // ------------------------------------------------------------------------------------------------------- stake

    /// @inheritdoc IStaking
    function addStake(Role role, uint32 id, uint128 amount) external nonReentrant {
        if (amount == 0) revert AmountZero();
        uint96 stake = role == Role.Provider ? _addProviderStake(id, amount) : _addKeeperStake(id, amount);
        _logDeposit(role, id, amount, stake);
        _token().pull(msg.sender, amount);
    }

    /// @inheritdoc IStaking
    function requestUnbonding(Role role, uint32 id, uint128 amount) external {
        if (amount == 0) revert AmountZero();
        uint64 availableAt = uint64(block.timestamp + CloneArguments.word(CloneArguments.UNBONDING_DELAY));
        (uint96 left, uint96 unbonding) = role == Role.Provider
            ? _unbondProvider(id, amount, availableAt)
            : _unbondKeeper(id, amount, availableAt);
        _events.log(
            UnbondingRequested.selector,
            _topic(uint256(role)),
            _topic(id),
            abi.encode(unbonding, availableAt, left)
        );
    }

    /// @inheritdoc IStaking
    function withdrawStake(Role role, uint32 id) external nonReentrant {
        (address owner, uint96 amount) = role == Role.Provider ? _withdrawProvider(id) : _withdrawKeeper(id);
        _events.log(StakeWithdrawn.selector, _topic(uint256(role)), _topic(id), _topic(owner), abi.encode(amount));
        _token().safeTransfer(owner, amount);
    }

    // -------------------------------------------------------------------------------------------------------- keys

    /// @inheritdoc IStaking
    function setOperator(Role role, uint32 id, address operator) external {
        address former = role == Role.Provider ? _setProviderOperator(id, operator) : _setKeeperOperator(id, operator);
        _events.log(OperatorChanged.selector, _topic(uint256(role)), _topic(id), _topic(operator), abi.encode(former));
    }

    /// @inheritdoc IStaking
    function transferOwnership(Role role, uint32 id, address to) external {
        address owner = _holding(role, id).owner;
        _checkOwner(owner);
        _pendingOwners[role][id] = to;
        _events.log(
            OwnershipTransferStarted.selector,
            _topic(uint256(role)),
            _topic(id),
            _topic(owner),
            abi.encode(to)
        );
    }

    /// @inheritdoc IStaking
    function acceptOwnership(Role role, uint32 id) external {
        address to = _pendingOwners[role][id];
        if (msg.sender != to) revert NotPendingOwner(msg.sender, to);
        delete _pendingOwners[role][id];
        Holding storage holding = _holding(role, id);
        address from = holding.owner;
        holding.owner = to;
        _events.log(OwnershipTransferred.selector, _topic(uint256(role)), _topic(id), _topic(to), abi.encode(from));
    }

    /// @inheritdoc IStaking
    function pendingOwner(Role role, uint32 id) external view returns (address) {
        return _pendingOwners[role][id];
    }

    // ---------------------------------------------------------------------------------------------------- internal

    function _ownInterface() internal pure override returns (bytes4) {
        return type(IStaking).interfaceId;
    }

    function _holding(Role role, uint32 id) private view returns (Holding storage) {
        return role == Role.Provider ? _providerHolding(id) : _keeperHolding(id);
    }
}
