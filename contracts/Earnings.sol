// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Payers} from "./Payers.sol";
import {IChallengeSettlement, IChallengeSettlementTypes} from "./interfaces/IChallengeSettlement.sol";
import {IStaking} from "./interfaces/IStaking.sol";
import {IStorageOrders} from "./interfaces/IStorageOrders.sol";
import {CloneArguments} from "./libraries/CloneArguments.sol";
import {Payments} from "./libraries/Payments.sol";
import {RollingHash} from "./libraries/RollingHash.sol";

/// @title Part of `StorageOrders`: what providers, keepers and the treasury have earned
/// @notice Documented at `IStorageOrders`.
abstract contract Earnings is Payers {
    using RollingHash for RollingHash.Chain;
    using SafeERC20 for IERC20;

    /// @inheritdoc IStorageOrders
    mapping(uint32 providerId => uint128 amount) public credit;

    /// @inheritdoc IStorageOrders
    mapping(uint32 term => mapping(uint32 keeperId => uint128 amount) amounts) public claimed;

    /// @inheritdoc IStorageOrders
    mapping(uint32 term => uint128 amount) public treasuryClaimed;

    mapping(uint32 term => Pool pool) private _pools;

    // -------------------------------------------------------------------------------------------- for the group only

    /// @inheritdoc IStorageOrders
    function creditProvider(
        uint32 providerId,
        bytes32 orderId,
        uint128 amount
    ) external onlyContract(CloneArguments.REPAIRS) {
        credit[providerId] += amount;
        _events.log(ProviderCredited.selector, _topic(providerId), orderId, abi.encode(amount));
    }

    /// @inheritdoc IStorageOrders
    function payReads(
        address payer,
        uint32 providerId,
        uint128 due
    ) external onlyContract(CloneArguments.ALLOWANCES) returns (uint128 paid) {
        paid = _chargeUpTo(payer, due);
        if (paid == 0) return 0;
        credit[providerId] += paid;
        _events.log(ReadsPaid.selector, _topic(payer), _topic(providerId), abi.encode(paid));
    }

    /// @inheritdoc IStorageOrders
    function creditTreasury(bytes32 orderId, uint128 amount) external {
        _onlyOf(CloneArguments.DISPUTES, CloneArguments.REPAIRS);
        uint32 term = _termOf(_epochNow());
        _pools[term].treasury += amount;
        _events.log(TreasuryCredited.selector, _topic(term), orderId, abi.encode(amount));
    }

    // ------------------------------------------------------------------------------------------------ withdrawals

    /// @inheritdoc IStorageOrders
    function withdrawCredit(uint32 providerId) external nonReentrant {
        uint128 amount = credit[providerId];
        if (amount == 0) revert NothingToWithdraw();
        credit[providerId] = 0;
        address owner = _staking().provider(providerId).owner;
        _events.log(CreditWithdrawn.selector, _topic(providerId), _topic(owner), abi.encode(amount));
        _token().safeTransfer(owner, amount);
    }

    /// @inheritdoc IStorageOrders
    function claimKeeperFee(uint32 term, uint32 keeperId) external nonReentrant {
        IChallengeSettlementTypes.TermTally memory tally = _settlement().termTally(term);
        if (!tally.over) revert TermNotOver(term);
        uint256 members = tally.keeperIds.length;
        uint256 member = 0;
        while (member < members && tally.keeperIds[member] != keeperId) ++member;
        if (member == members) revert NotOnRoster(term, keeperId);
        uint256 served = tally.earning - tally.absences[member];
        uint128 share = uint128(Payments.keeperShare(_pools[term].keepers, served, tally.earning, members));
        uint128 amount = share - claimed[term][keeperId];
        if (amount == 0) revert NothingToWithdraw();
        claimed[term][keeperId] = share;
        address owner = _staking().keeper(keeperId).owner;
        _events.log(KeeperFeeClaimed.selector, _topic(term), _topic(keeperId), _topic(owner), abi.encode(amount));
        _token().safeTransfer(owner, amount);
    }

    /// @inheritdoc IStorageOrders
    function withdrawTreasury(uint32 term) external nonReentrant {
        Pool memory earnings = _pools[term];
        IChallengeSettlementTypes.TermTally memory tally = _settlement().termTally(term);
        uint256 earned = earnings.treasury;
        if (tally.over) {
            uint256 absences = 0;
            for (uint256 i = 0; i < tally.absences.length; ++i) absences += tally.absences[i];
            earned += Payments.keeperShare(earnings.keepers, absences, tally.earning, tally.keeperIds.length);
        }
        uint128 amount = uint128(earned) - treasuryClaimed[term];
        if (amount == 0) revert NothingToWithdraw();
        treasuryClaimed[term] = uint128(earned);
        address treasury = _address(CloneArguments.TREASURY);
        _events.log(TreasuryWithdrawn.selector, _topic(term), _topic(treasury), abi.encode(amount));
        _token().safeTransfer(treasury, amount);
    }

    /// @inheritdoc IStorageOrders
    function pool(uint32 term) external view returns (Pool memory) {
        return _pools[term];
    }

    // ---------------------------------------------------------------------------------------------------- internal

    /// @dev All credits together are less than the token's supply that was deposited.
    function _creditPay(uint32 providerId, uint256 amount) internal {
        unchecked {
            credit[providerId] += uint128(amount);
        }
    }

    function _fillPool(uint32 term, uint128 toKeepers, uint128 toTreasury) internal {
        Pool memory earnings = _pools[term];
        _pools[term] = Pool(earnings.keepers + toKeepers, earnings.treasury + toTreasury);
    }

    function _staking() internal view returns (IStaking) {
        return IStaking(_address(CloneArguments.STAKING));
    }

    function _settlement() internal view returns (IChallengeSettlement) {
        return IChallengeSettlement(_address(CloneArguments.SETTLEMENT));
    }
}
