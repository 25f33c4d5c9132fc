// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {GroupContract} from "./GroupContract.sol";
import {IChallengeSettlement} from "./interfaces/IChallengeSettlement.sol";
import {IDisputes} from "./interfaces/IDisputes.sol";
import {IRepairs, IRepairsTypes} from "./interfaces/IRepairs.sol";
import {IStaking} from "./interfaces/IStaking.sol";
import {IStorageOrders, IStorageOrdersTypes, Order} from "./interfaces/IStorageOrders.sol";
import {CloneArguments} from "./libraries/CloneArguments.sol";
import {Draws} from "./libraries/Draws.sol";
import {OrderHash} from "./libraries/OrderHash.sol";
import {Payments} from "./libraries/Payments.sol";
import {RollingHash} from "./libraries/RollingHash.sol";
import {ShardProof} from "./libraries/ShardProof.sol";
import {Waterfall} from "./libraries/Waterfall.sol";

/// @title Base of `Disputes`: windows, answers, and what becomes of a holder's collateral
abstract contract SlotDisputes is GroupContract, ReentrancyGuardTransient, IDisputes {
    using OrderHash for Order;
    using RollingHash for RollingHash.Chain;

    /// @dev Open challenges to a slot: against who holds it, and against those that lost it.
    struct OpenChallenges {
        uint120 holder;
        uint120 former;
        /// Keeps the word from being cleared, which makes all challenges to a slot but the first one cheaper.
        bool used;
    }

    /// @dev One holder's time with a slot.
    struct Tenure {
        bytes32 orderId;
        uint8 slot;
        uint32 providerId;
        uint32 since;
        /// 0 while it lasts.
        uint32 until;
    }

    mapping(bytes32 orderId => mapping(uint8 slot => OpenChallenges open)) internal _open;
    /// @dev Ends of tenures that were under challenge when they ended.
    mapping(bytes32 tenureKey => uint32 until) internal _endedAt;

    constructor() {
        ShardProof.requirePrecompile();
    }

    // -------------------------------------------------------------------------------------------------- collateral

    /// @dev Challenges against a holder go on against it when it has lost the slot.
    function _noteEnd(Tenure memory tenure) internal {
        OpenChallenges storage open = _open[tenure.orderId][tenure.slot];
        uint120 pending = open.holder;
        if (pending == 0) return;
        _endedAt[_tenureKey(tenure.orderId, tenure.slot, tenure.providerId, tenure.since)] = tenure.until;
        (open.holder, open.former) = (0, open.former + pending);
    }

    /// @param challenger Who proved that the shard is gone; 0 when keepers did.
    function _slash(Order calldata order, Tenure memory tenure, address challenger) internal returns (uint128 reward) {
        uint128 collateral = _collateral(order);
        uint256 earned = _settlement().earnedEpochs(tenure.providerId, tenure.since, tenure.until);
        Waterfall.Shares memory shares = Waterfall.split(
            collateral,
            Payments.providerPay(uint256(order.price) * order.stripes, earned),
            _bonus(order, tenure),
            challenger != address(0)
        );
        bytes32 orderId = tenure.orderId;
        _staking().slashProvider(tenure.providerId, order.stripes, collateral, orderId);
        IStorageOrders orders = _orders();
        if (shares.toPayer != 0) orders.creditPayer(order.payer, orderId, shares.toPayer);
        if (shares.toChallenger != 0) orders.creditPayer(challenger, orderId, shares.toChallenger);
        if (shares.toTreasury != 0) orders.creditTreasury(orderId, shares.toTreasury);
        _repairs().closeVacancy(orderId, tenure.slot, tenure.until, shares.toPot, true);
        _events.log(
            CollateralSlashed.selector,
            _topic(tenure.providerId),
            orderId,
            abi.encode(tenure.slot, tenure.until, shares.toPayer, shares.toPot, shares.toTreasury, shares.toChallenger)
        );
        return shares.toChallenger;
    }

    /// @dev The most that who repairs, or has repaired, the slot after this tenure can get; 0 when nobody will.
    function _bonus(Order calldata order, Tenure memory tenure) private view returns (uint256) {
        IRepairsTypes.Slot memory slot = _repairs().slotAt(_opened(order, tenure.orderId, tenure.slot));
        if (slot.until != tenure.until || slot.voided) return 0;
        bool open = _orders().orderState(tenure.orderId).status == IStorageOrdersTypes.OrderStatus.Open;
        if (slot.vacant && !open) return 0;
        return CloneArguments.word(CloneArguments.REPAIR_BONUS_PER_SHARD) * order.stripes;
    }

    /// @dev Frees the collateral of a holder that nobody could prove wrong.
    function _spare(Order calldata order, Tenure memory tenure) internal {
        uint128 collateral = _collateral(order);
        uint32[] memory providerIds = new uint32[](1);
        providerIds[0] = tenure.providerId;
        _staking().releaseCollateral(providerIds, order.stripes, tenure.orderId);
        _repairs().closeVacancy(tenure.orderId, tenure.slot, tenure.until, 0, false);
        _events.log(
            CollateralSpared.selector,
            _topic(tenure.providerId),
            tenure.orderId,
            abi.encode(tenure.slot, tenure.until, collateral)
        );
    }

    // ----------------------------------------------------------------------------------------- answers and windows

    function _checkAnswer(
        uint256 index,
        ShardAnswer calldata answer,
        bytes32 draw,
        bytes32 orderId,
        uint8 slot,
        uint32 stripe
    ) internal view returns (bytes32 versionedHash) {
        bool asked = answer.order.id() == orderId && answer.slot == slot && answer.stripe == stripe;
        if (!asked) revert ShardWrong(index, orderId, slot, stripe);
        return ShardProof.check(answer, orderId, Draws.point(draw, orderId, slot, stripe));
    }

    /// @dev What the order says of a slot, which it has.
    function _opened(
        Order calldata order,
        bytes32 orderId,
        uint8 slot
    ) internal pure returns (IRepairsTypes.OpenedSlot memory) {
        return IRepairsTypes.OpenedSlot(orderId, slot, order.providers[slot], order.startEpoch, order.stripes);
    }

    function _tenureKey(bytes32 orderId, uint8 slot, uint32 providerId, uint32 since) internal pure returns (bytes32) {
        return keccak256(abi.encode(orderId, slot, providerId, since));
    }

    function _deadline() internal view returns (uint64) {
        return uint64(block.timestamp + CloneArguments.word(CloneArguments.APPEAL_WINDOW));
    }

    function _deadlineBlock() internal view returns (uint64) {
        return uint64(block.number + CloneArguments.word(CloneArguments.APPEAL_WINDOW_BLOCKS));
    }

    /// @dev A window is over when both its seconds and its blocks are.
    function _isOver(uint64 deadline, uint64 deadlineBlock) private view returns (bool) {
        return block.timestamp > deadline && block.number > deadlineBlock;
    }

    function _requireWindow(uint64 deadline, uint64 deadlineBlock) internal view {
        if (_isOver(deadline, deadlineBlock)) {
            revert WindowOver(block.timestamp, deadline, block.number, deadlineBlock);
        }
    }

    function _requireOver(uint64 deadline, uint64 deadlineBlock) internal view {
        if (!_isOver(deadline, deadlineBlock)) {
            revert WindowOpen(block.timestamp, deadline, block.number, deadlineBlock);
        }
    }

    function _collateral(Order calldata order) internal view returns (uint128) {
        return uint128(CloneArguments.word(CloneArguments.COLLATERAL_PER_SHARD) * order.stripes);
    }

    // ---------------------------------------------------------------------------------------------------- contracts

    function _ownInterface() internal pure override returns (bytes4) {
        return type(IDisputes).interfaceId;
    }

    function _staking() internal view returns (IStaking) {
        return IStaking(_address(CloneArguments.STAKING));
    }

    function _orders() internal view returns (IStorageOrders) {
        return IStorageOrders(_address(CloneArguments.ORDERS));
    }

    function _settlement() internal view returns (IChallengeSettlement) {
        return IChallengeSettlement(_address(CloneArguments.SETTLEMENT));
    }

    function _repairs() internal view returns (IRepairs) {
        return IRepairs(_address(CloneArguments.REPAIRS));
    }
}
