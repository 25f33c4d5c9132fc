// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Registrations} from "./Registrations.sol";
import {IStaking} from "./interfaces/IStaking.sol";
import {CloneArguments} from "./libraries/CloneArguments.sol";
import {RollingHash} from "./libraries/RollingHash.sol";
import {Tokens} from "./libraries/Tokens.sol";

/// @title Part of `Staking`: providers and their collateral
/// @notice Documented at `IStaking`.
abstract contract Providers is Registrations {
    using RollingHash for RollingHash.Chain;
    using SafeERC20 for IERC20;
    using Tokens for IERC20;

    /// @dev Shares are in hundredths of a percent.
    uint256 private constant WHOLE_SHARE = 10_000;

    /// @dev One word. What the locked shards stand for is never more than the stake.
    struct Service {
        address operator;
        uint32 lockedShards;
        /// Shards locked in `lockEpoch`, released ones included.
        uint32 newShards;
        /// Epoch that `newShards` counts for. In the future while the provider is jailed.
        uint32 lockEpoch;
    }

    /// @dev Three words; opening an order reads the first two and writes the second.
    struct ProviderRecord {
        Holding holding;
        Service service;
        Unbonding unbonding;
    }

    /// @dev What locking checks of every provider.
    struct LockTerms {
        uint256 perShard;
        uint256 shards;
        uint256 minimum;
        uint256 share;
        uint256 epoch;
    }

    mapping(uint32 providerId => ProviderRecord record) private _providers;

    /// @inheritdoc IStaking
    mapping(address operator => uint32 providerId) public providerOf;

    /// @inheritdoc IStaking
    uint32 public providerCount;

    // ------------------------------------------------------------------------------------------------ registration

    /// @inheritdoc IStaking
    function registerProvider(
        address operator,
        string calldata endpoint,
        bytes32 domain,
        uint128 ask,
        bool repairs,
        uint128 stake
    ) external nonReentrant returns (uint32 providerId) {
        _checkRegistration(operator, providerOf[operator], endpoint, stake, CloneArguments.MIN_PROVIDER_STAKE);
        providerId = ++providerCount;
        providerOf[operator] = providerId;
        ProviderRecord storage record = _providers[providerId];
        record.holding = Holding(msg.sender, uint96(stake));
        record.service = Service(operator, 0, 0, 0);
        _events.log(
            ProviderRegistered.selector,
            _topic(providerId),
            _topic(msg.sender),
            _topic(operator),
            abi.encode(domain, ask, repairs, endpoint)
        );
        _logDeposit(Role.Provider, providerId, stake, stake);
        _token().pull(msg.sender, stake);
    }

    /// @inheritdoc IStaking
    function updateProvider(
        uint32 providerId,
        string calldata endpoint,
        bytes32 domain,
        uint128 ask,
        bool repairs
    ) external {
        ProviderRecord storage record = _providerRecord(providerId);
        _checkOwnerOrOperator(record.holding.owner, record.service.operator);
        _checkEndpoint(endpoint);
        _events.log(ProviderUpdated.selector, _topic(providerId), abi.encode(domain, ask, repairs, endpoint));
    }

    /// @inheritdoc IStaking
    function setExiting(uint32 providerId, bool exiting) external {
        ProviderRecord storage record = _providerRecord(providerId);
        _checkOwnerOrOperator(record.holding.owner, record.service.operator);
        if (record.unbonding.exiting == exiting) revert ExitUnchanged(providerId, exiting);
        record.unbonding.exiting = exiting;
        _events.log(ProviderExiting.selector, _topic(providerId), abi.encode(exiting));
    }

    // -------------------------------------------------------------------------------------------------- collateral

    /// @inheritdoc IStaking
    function lockCollateral(
        uint32[] calldata providerIds,
        uint32 shards,
        bytes32 orderId
    ) external returns (address[] memory operators) {
        _onlyOf(CloneArguments.ORDERS, CloneArguments.REPAIRS);
        LockTerms memory terms = LockTerms({
            perShard: CloneArguments.word(CloneArguments.COLLATERAL_PER_SHARD),
            shards: shards,
            minimum: CloneArguments.word(CloneArguments.MIN_PROVIDER_STAKE),
            share: CloneArguments.word(CloneArguments.LOCK_SHARE),
            epoch: _epochNow()
        });
        operators = new address[](providerIds.length);
        bytes memory data = abi.encode(terms.perShard * shards);
        for (uint256 i = 0; i < providerIds.length; ++i) {
            uint32 providerId = providerIds[i];
            operators[i] = _lock(providerId, terms);
            _events.log(CollateralLocked.selector, _topic(providerId), orderId, data);
        }
    }

    /// @inheritdoc IStaking
    function releaseCollateral(uint32[] calldata providerIds, uint32 shards, bytes32 orderId) external {
        if (msg.sender != _address(CloneArguments.ORDERS)) _onlyOf(CloneArguments.DISPUTES, CloneArguments.REPAIRS);
        uint128 amount = _collateral(shards);
        bytes memory data = abi.encode(amount);
        for (uint256 i = 0; i < providerIds.length; ++i) {
            _unlock(providerIds[i], shards, amount);
            _events.log(CollateralReleased.selector, _topic(providerIds[i]), orderId, data);
        }
    }

    /// @inheritdoc IStaking
    function slashProvider(uint32 providerId, uint32 shards, uint128 taken, bytes32 orderId) external nonReentrant {
        _onlyOf(CloneArguments.DISPUTES, CloneArguments.REPAIRS);
        uint128 amount = _collateral(shards);
        if (taken > amount) revert CollateralTooLow(providerId, amount, taken);
        _unlock(providerId, shards, amount);
        if (taken != amount) {
            _events.log(CollateralReleased.selector, _topic(providerId), orderId, abi.encode(amount - taken));
        }
        if (taken == 0) return;
        Holding storage holding = _providers[providerId].holding;
        uint96 stake = holding.stake - uint96(taken);
        holding.stake = stake;
        _events.log(ProviderSlashed.selector, _topic(providerId), orderId, abi.encode(taken, stake));
        // Who pays for leaving has done nothing wrong.
        if (msg.sender == _address(CloneArguments.DISPUTES)) _jail(providerId);
        _token().safeTransfer(_address(CloneArguments.ORDERS), taken);
    }

    // ------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IStaking
    function provider(uint32 providerId) external view returns (Provider memory) {
        ProviderRecord memory record = _providerRecord(providerId);
        return
            Provider({
                owner: record.holding.owner,
                operator: record.service.operator,
                stake: record.holding.stake,
                locked: _collateral(record.service.lockedShards),
                unbonding: record.unbonding.amount,
                unbondingAt: record.unbonding.availableAt,
                exiting: record.unbonding.exiting,
                jailedUntil: record.service.lockEpoch > _epochNow() ? record.service.lockEpoch : 0
            });
    }

    // ---------------------------------------------------------------------------------------------------- internal

    /// @dev Locks shards of one provider.
    function _lock(uint32 providerId, LockTerms memory terms) private returns (address operator) {
        ProviderRecord storage record = _providers[providerId];
        (address owner, uint256 stake) = (record.holding.owner, record.holding.stake);
        if (owner == address(0)) revert ProviderUnknown(providerId);
        if (stake < terms.minimum) revert StakeTooLow(uint128(stake), uint128(terms.minimum));
        Service memory service = record.service;
        if (service.lockEpoch != terms.epoch) {
            if (service.lockEpoch > terms.epoch) revert JailNotOver(providerId, service.lockEpoch);
            (service.lockEpoch, service.newShards) = (uint32(terms.epoch), 0);
        }
        // Nothing overflows: collateral of a shard has 80 bits, shards 32, and stake 96.
        unchecked {
            uint256 free = stake - service.lockedShards * terms.perShard;
            uint256 amount = terms.shards * terms.perShard;
            if (free < amount) revert StakeNotFree(providerId, uint128(free), uint128(amount));
            uint256 newAmount = (service.newShards + terms.shards) * terms.perShard;
            uint256 most = (stake * terms.share) / WHOLE_SHARE;
            if (newAmount > most) revert LockCapReached(providerId, uint128(newAmount), uint128(most));
        }
        service.lockedShards += uint32(terms.shards);
        service.newShards += uint32(terms.shards);
        record.service = service;
        return service.operator;
    }

    function _unlock(uint32 providerId, uint32 shards, uint128 amount) private {
        Service storage service = _providers[providerId].service;
        uint32 locked = service.lockedShards;
        if (locked < shards) revert CollateralTooLow(providerId, _collateral(locked), amount);
        service.lockedShards = locked - shards;
    }

    /// @dev A provider that lost data takes nothing new for a while.
    function _jail(uint32 providerId) private {
        uint32 untilEpoch = _epochNow() + uint32(CloneArguments.word(CloneArguments.REJOIN_EPOCHS));
        Service storage service = _providers[providerId].service;
        (service.lockEpoch, service.newShards) = (untilEpoch, 0);
        _events.log(ProviderJailed.selector, _topic(providerId), abi.encode(untilEpoch));
    }

    function _addProviderStake(uint32 id, uint128 amount) internal returns (uint96 stake) {
        Holding storage holding = _providerRecord(id).holding;
        stake = _checkedStake(uint256(holding.stake) + amount);
        holding.stake = stake;
    }

    function _unbondProvider(uint32 id, uint128 amount, uint64 availableAt) internal returns (uint96, uint96) {
        ProviderRecord storage record = _providerRecord(id);
        Holding memory holding = record.holding;
        uint256 free = holding.stake - _collateral(record.service.lockedShards);
        uint96 left = _left(id, holding, free, amount, CloneArguments.MIN_PROVIDER_STAKE);
        uint96 unbonding = record.unbonding.amount + uint96(amount);
        record.holding.stake = left;
        (record.unbonding.amount, record.unbonding.availableAt) = (unbonding, availableAt);
        return (left, unbonding);
    }

    function _withdrawProvider(uint32 id) internal returns (address owner, uint96 amount) {
        ProviderRecord storage record = _providerRecord(id);
        Unbonding memory unbonding = record.unbonding;
        (owner, amount) = (record.holding.owner, unbonding.amount);
        _checkUnbonded(id, unbonding);
        (record.unbonding.amount, record.unbonding.availableAt) = (0, 0);
    }

    /// @return former The key before.
    function _setProviderOperator(uint32 id, address operator) internal returns (address former) {
        ProviderRecord storage record = _providerRecord(id);
        _checkOwner(record.holding.owner);
        _checkOperator(operator, providerOf[operator]);
        former = record.service.operator;
        (providerOf[former], providerOf[operator]) = (0, id);
        record.service.operator = operator;
    }

    function _providerHolding(uint32 id) internal view returns (Holding storage) {
        return _providerRecord(id).holding;
    }

    function _collateral(uint32 shards) private view returns (uint128) {
        return uint128(CloneArguments.word(CloneArguments.COLLATERAL_PER_SHARD) * shards);
    }

    function _providerRecord(uint32 providerId) private view returns (ProviderRecord storage record) {
        record = _providers[providerId];
        if (record.holding.owner == address(0)) revert ProviderUnknown(providerId);
    }
}
