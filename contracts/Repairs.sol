// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {GroupContract} from "./GroupContract.sol";
import {IChallengeSettlement} from "./interfaces/IChallengeSettlement.sol";
import {IDisputes} from "./interfaces/IDisputes.sol";
import {IRepairs} from "./interfaces/IRepairs.sol";
import {IStaking} from "./interfaces/IStaking.sol";
import {IStorageOrders, IStorageOrdersTypes, Order} from "./interfaces/IStorageOrders.sol";
import {CloneArguments} from "./libraries/CloneArguments.sol";
import {OrderHash} from "./libraries/OrderHash.sol";
import {Payments} from "./libraries/Payments.sol";
import {RollingHash} from "./libraries/RollingHash.sol";
import {SlotPayments} from "./libraries/SlotPayments.sol";
import {SlotWord} from "./libraries/SlotWord.sol";

/// @title Slots that change hands
/// @notice Documented at `IRepairs`.
contract Repairs is GroupContract, IRepairs {
    using OrderHash for Order;
    using RollingHash for RollingHash.Chain;
    using SafeCast for uint256;
    using SlotWord for Slot;
    using SlotWord for uint256;

    uint256 private constant WHOLE_SHARE = 10_000;

    /// @dev Shards that the lost leaves of one epoch evicted, and may evict. Epochs are applied in order, so that only
    /// the last one matters.
    struct Cap {
        uint32 epoch;
        uint112 used;
        uint112 most;
    }

    /// @dev What there is for the repairer of a slot. The tokens lie in `StorageOrders`. One word.
    struct Vacancy {
        /// Out of slashed collateral.
        uint96 pot;
        /// Out of the order's escrow.
        uint128 reserved;
        bool closed;
        bool slashed;
    }

    Cap private _cap;

    /// @dev 0 while the slot is as the order opened it. In a word that is not: since ≥ until > formerSince unless the
    /// former holder was challenged directly in its first epoch; `vacant` ⇔ no holder.
    mapping(bytes32 orderId => mapping(uint256 slot => uint256 word) words) private _slots;

    /// @dev By slot and `until` of the former holder, which no two vacancies of a slot share: who takes the slot is
    /// paid from `until` or later on, and is evicted later than that.
    mapping(bytes32 orderId => mapping(uint256 key => Vacancy vacancy) vacancies) private _vacancies;

    // --------------------------------------------------------------------------------------------------- evictions

    /// @inheritdoc IRepairs
    function evict(
        OpenedSlot calldata opened,
        uint32 providerId,
        uint32 epoch,
        uint32 lastFinished
    ) external onlyContract(CloneArguments.DISPUTES) returns (bytes32 reason, uint32 since, uint32 until) {
        (bytes32 orderId, uint8 slot) = (opened.orderId, opened.slot);
        IStorageOrdersTypes.OrderState memory state = _orders().orderState(orderId);
        if (!_canEvict(state.status, epoch)) return ("ORDER_NOT_OPEN", 0, 0);
        Slot memory it = _slotAt(orderId, slot, opened.holder, opened.since);
        if (it.vacant || it.holder != providerId) return ("NOT_HOLDER", 0, 0);
        since = it.since;
        until = _min(lastFinished + 1, state.endEpoch);
        if (epoch == 0) {
            if (until < since) until = since;
            // The slot changed hands when the holder before had not begun either.
            if (it.former != 0 && until == it.until) ++until;
        } else {
            if (until <= since) return ("HOLDER_NEW", 0, 0);
            if (!_countEvicted(epoch, opened.stripes)) return ("CAP_REACHED", 0, 0);
        }
        _requireFormerSettled(orderId, slot, it, state);
        _noteExpired(orderId, slot, it);
        (it.former, it.formerSince, it.until) = (providerId, since, until);
        (it.holder, it.since, it.vacant, it.expiries) = (0, 0, true, 0);
        _slots[orderId][slot] = it.pack();
        _events.log(SlotEvicted.selector, orderId, _topic(providerId), abi.encode(slot, since, until));
        _orders().noteHandOver(orderId, 1, 0);
    }

    // ------------------------------------------------------------------------------------------------------ offers

    /// @inheritdoc IRepairs
    function applyOffer(
        uint32 epoch,
        uint32 providerId,
        bytes32 data,
        bytes calldata detail
    ) external onlyContract(CloneArguments.SETTLEMENT) returns (bytes32 reason) {
        OfferDetail calldata offer = _decode(detail);
        bytes32 orderId = offer.order.id();
        bytes32 computed = keccak256(abi.encode(orderId, offer.slot, offer.deadline));
        if (computed != data) revert OfferDetailInvalid(computed, data);
        reason = _whyNoOffer(offer, orderId);
        if (reason == 0) reason = _whyNobody(epoch, providerId, offer.deadline);
        if (reason == 0) _offer(offer, orderId, epoch, providerId);
    }

    /// @inheritdoc IRepairs
    function acceptRepair(Order calldata order, uint8 slot) external {
        bytes32 orderId = order.id();
        IStorageOrdersTypes.OrderState memory state = _openState(order, orderId, slot);
        Slot memory it = _slot(order, orderId, slot);
        uint32 providerId = _staking().providerOf(msg.sender);
        uint32 epochNow = _epochNow();
        if (providerId == 0 || it.assignee != providerId) revert OfferMissing(orderId, slot, providerId);
        if (it.deadline < epochNow) revert OfferExpired(orderId, slot, it.deadline, epochNow);
        uint32 since = _max(epochNow + 1, it.vacant ? it.until : 0);
        if (since >= state.endEpoch) revert OrderEndsTooSoon(orderId, state.endEpoch, since);
        _requireNoSlotOf(providerId, order, orderId);

        uint32 leaving = it.holder;
        uint128 reserved = 0;
        if (it.vacant) {
            reserved = _reserve(order, orderId, slot, it.until, since);
        } else {
            if (since <= it.since) revert HolderTooNew(orderId, slot, it.since);
            if (_disputes().challengesOpen(orderId, slot) != 0) revert ChallengeStillOpen(orderId, slot);
            _requireFormerSettled(orderId, slot, it, state);
            (it.former, it.formerSince, it.until) = (leaving, it.since, since);
        }
        (it.holder, it.since, it.vacant) = (providerId, since, false);
        (it.assignee, it.deadline, it.expiries) = (0, 0, 0);
        _slots[orderId][slot] = it.pack();
        _events.log(
            RepairAccepted.selector,
            orderId,
            _topic(providerId),
            abi.encode(slot, since, it.former, it.until, reserved)
        );
        _orders().noteHandOver(orderId, leaving == 0 ? -1 : int8(0), reserved);
        _staking().lockCollateral(_only(providerId), order.stripes, orderId);
        if (leaving != 0) _letGo(order, orderId, slot, leaving, since);
    }

    /// @inheritdoc IRepairs
    function voidSlot(Order calldata order, uint8 slot) external {
        bytes32 orderId = order.id();
        IStorageOrdersTypes.OrderState memory state = _openState(order, orderId, slot);
        Slot memory it = _slot(order, orderId, slot);
        _noteExpired(orderId, slot, it);
        // With fewer than k shards of each stripe left nobody can rebuild anything.
        bool isHopeless = state.evicted > uint8(order.policy);
        bool isRefused = it.assignee == 0 && it.expiries >= CloneArguments.word(CloneArguments.OFFER_EXPIRIES);
        if (!it.vacant || it.voided || !(isHopeless || isRefused)) {
            revert SlotNotVoidable(orderId, slot, it.expiries, state.evicted);
        }
        (it.voided, it.assignee, it.deadline) = (true, 0, 0);
        _slots[orderId][slot] = it.pack();
        _events.log(SlotVoided.selector, orderId, abi.encode(slot));
    }

    // ------------------------------------------------------------------------------------------------------- bonus

    /// @inheritdoc IRepairs
    function closeVacancy(
        bytes32 orderId,
        uint8 slot,
        uint32 until,
        uint128 pot,
        bool slashed
    ) external onlyContract(CloneArguments.DISPUTES) {
        _closeVacancy(orderId, slot, until, pot, slashed);
    }

    /// @inheritdoc IRepairs
    function claimBonus(Order calldata order, uint8 slot, uint32 until, uint32 epoch) external {
        bytes32 orderId = order.id();
        Vacancy storage vacancy = _vacancies[orderId][_key(slot, until)];
        (uint128 pot, uint128 reserved, bool slashed) = (vacancy.pot, vacancy.reserved, vacancy.slashed);
        if (!vacancy.closed) revert VacancyNotClosed(orderId, slot, until);
        if (pot == 0 && reserved == 0) revert NothingToClaim(orderId, slot, until);
        Slot memory it = _slot(order, orderId, slot);
        bool isDue = _isBonusDue(orderId, it, slot, until, epoch);
        (vacancy.pot, vacancy.reserved) = (0, 0);
        if (isDue) {
            (uint128 amount, uint128 refunded) = slashed ? (pot, reserved) : (reserved, 0);
            _events.log(BonusPaid.selector, orderId, _topic(it.holder), abi.encode(slot, until, amount, refunded));
            if (amount != 0) _orders().creditProvider(it.holder, orderId, amount);
            if (refunded != 0) _orders().creditPayer(order.payer, orderId, refunded);
        } else {
            _events.log(BonusForfeited.selector, orderId, abi.encode(slot, until, pot, reserved));
            if (pot != 0) _orders().creditTreasury(orderId, pot);
            if (reserved != 0) _orders().creditPayer(order.payer, orderId, reserved);
        }
    }

    // ------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IRepairs
    function vacancyClosed(bytes32 orderId, uint8 slot, uint32 until) external view returns (bool) {
        return _vacancies[orderId][_key(slot, until)].closed;
    }

    /// @inheritdoc IRepairs
    function bonusOf(bytes32 orderId, uint8 slot, uint32 until) external view returns (Bonus memory) {
        Vacancy storage vacancy = _vacancies[orderId][_key(slot, until)];
        return Bonus(vacancy.pot, vacancy.reserved, vacancy.closed, vacancy.slashed);
    }

    /// @inheritdoc IRepairs
    function settleSlots(
        bytes32 orderId,
        uint256 rate,
        uint256 slots,
        uint32 from,
        uint32 to,
        uint32 endEpoch
    ) external view returns (SlotPay[] memory pays) {
        mapping(uint256 slot => uint256 word) storage words = _slots[orderId];
        SlotPayments.Page memory page = SlotPayments.Page(_settlement(), rate, from, to, endEpoch);
        pays = new SlotPay[](slots);
        uint256 count = 0;
        for (uint256 slot = 0; slot < slots; ++slot) {
            uint256 word = words[slot];
            // A slot that was only offered has its first holder, who earns as if nothing had been.
            if (word.formerOf() != 0) pays[count++] = SlotPayments.ofSlot(page, word.unpack(), uint8(slot));
        }
        assembly ("memory-safe") {
            mstore(pays, count)
        }
    }

    /// @inheritdoc IRepairs
    function slotOf(Order calldata order, uint8 slot) external view returns (Slot memory) {
        bytes32 orderId = order.id();
        if (slot >= order.providers.length) revert SlotUnknown(orderId, slot);
        return _slot(order, orderId, slot);
    }

    /// @inheritdoc IRepairs
    function slotAt(OpenedSlot calldata opened) external view returns (Slot memory) {
        return _slotAt(opened.orderId, opened.slot, opened.holder, opened.since);
    }

    /// @inheritdoc IRepairs
    function holdersOf(Order calldata order) external view returns (uint32[] memory holders) {
        return _holders(order, order.id());
    }

    // ---------------------------------------------------------------------------------------------------- internal

    function _ownInterface() internal pure override returns (bytes4) {
        return type(IRepairs).interfaceId;
    }

    function _slot(Order calldata order, bytes32 orderId, uint8 slot) private view returns (Slot memory) {
        return _slotAt(orderId, slot, order.providers[slot], order.startEpoch);
    }

    function _slotAt(bytes32 orderId, uint8 slot, uint32 holder, uint32 since) private view returns (Slot memory it) {
        uint256 word = _slots[orderId][slot];
        if (word != 0) return word.unpack();
        (it.holder, it.since) = (holder, since);
    }

    function _holders(Order calldata order, bytes32 orderId) private view returns (uint32[] memory holders) {
        mapping(uint256 slot => uint256 word) storage words = _slots[orderId];
        holders = order.providers;
        for (uint256 slot = 0; slot < holders.length; ++slot) {
            uint256 word = words[slot];
            if (word != 0) holders[slot] = word.holderOf();
        }
    }

    function _openState(
        Order calldata order,
        bytes32 orderId,
        uint8 slot
    ) private view returns (IStorageOrdersTypes.OrderState memory state) {
        state = _orders().orderState(orderId);
        if (state.status != IStorageOrdersTypes.OrderStatus.Open) revert OrderNotOpen(orderId);
        if (slot >= order.providers.length) revert SlotUnknown(orderId, slot);
    }

    /// @dev Why the slot cannot be offered now, or 0.
    function _whyNoOffer(OfferDetail calldata offer, bytes32 orderId) private view returns (bytes32) {
        IStorageOrdersTypes.OrderState memory state = _orders().orderState(orderId);
        if (state.status != IStorageOrdersTypes.OrderStatus.Open) return "ORDER_NOT_OPEN";
        if (offer.slot >= offer.order.providers.length) return "SLOT_UNKNOWN";
        uint32 epochNow = _epochNow();
        if (epochNow + 1 >= state.endEpoch) return "ORDER_ENDS";
        Slot memory it = _slot(offer.order, orderId, offer.slot);
        if (it.voided) return "SLOT_VOID";
        if (it.assignee != 0 && it.deadline >= epochNow) return "OFFER_LIVE";
        if (!it.vacant && !_staking().provider(it.holder).exiting) return "SLOT_HELD";
        return 0;
    }

    /// @dev Why nobody could take such an offer, or 0.
    function _whyNobody(uint32 epoch, uint32 providerId, uint32 deadline) private view returns (bytes32) {
        uint256 latest = epoch + 1 + CloneArguments.word(CloneArguments.OFFER_EPOCHS);
        if (deadline <= epoch || deadline > latest) return "DEADLINE_WRONG";
        if (deadline < _epochNow()) return "DEADLINE_OVER";
        if (providerId == 0 || providerId > _staking().providerCount()) return "PROVIDER_UNKNOWN";
        return 0;
    }

    function _offer(OfferDetail calldata offer, bytes32 orderId, uint32 epoch, uint32 providerId) private {
        (uint8 slot, uint32 deadline) = (offer.slot, offer.deadline);
        Slot memory it = _slot(offer.order, orderId, slot);
        _noteExpired(orderId, slot, it);
        (it.assignee, it.deadline) = (providerId, deadline);
        _slots[orderId][slot] = it.pack();
        _events.log(RepairOffered.selector, orderId, _topic(providerId), abi.encode(slot, epoch, deadline));
    }

    function _canEvict(IStorageOrdersTypes.OrderStatus status, uint32 epoch) private pure returns (bool) {
        return
            status == IStorageOrdersTypes.OrderStatus.Open ||
            (status == IStorageOrdersTypes.OrderStatus.Closed && epoch == 0);
    }

    /// @dev Counts a slot against the cap of the epoch, unless that is reached. The first one always passes.
    function _countEvicted(uint32 epoch, uint32 shards) private returns (bool) {
        Cap memory cap = _cap;
        if (cap.epoch != epoch) {
            uint256 most = (_orders().activeShards() * CloneArguments.word(CloneArguments.EVICTION_CAP)) / WHOLE_SHARE;
            cap = Cap(epoch, 0, most > type(uint112).max ? type(uint112).max : uint112(most));
        }
        if (cap.used != 0 && uint256(cap.used) + shards > cap.most) return false;
        cap.used += shards;
        _cap = cap;
        return true;
    }

    /// @dev One interval of a slot is settled before the next change: the word holds one.
    function _requireFormerSettled(
        bytes32 orderId,
        uint8 slot,
        Slot memory it,
        IStorageOrdersTypes.OrderState memory state
    ) private pure {
        if (it.former != 0 && state.settledTo < _min(it.until, state.endEpoch)) {
            revert SlotNotSettled(orderId, slot, state.settledTo, it.since);
        }
    }

    /// @dev Counts the last offer if its time has passed.
    function _noteExpired(bytes32 orderId, uint8 slot, Slot memory it) private {
        uint32 providerId = it.assignee;
        if (providerId == 0 || it.deadline >= _epochNow()) return;
        (it.assignee, it.deadline) = (0, 0);
        if (it.expiries != type(uint8).max) ++it.expiries;
        _events.log(RepairOfferExpired.selector, orderId, _topic(providerId), abi.encode(slot, it.expiries));
    }

    function _requireNoSlotOf(uint32 providerId, Order calldata order, bytes32 orderId) private view {
        uint32[] memory holders = _holders(order, orderId);
        for (uint8 slot = 0; slot < holders.length; ++slot) {
            if (holders[slot] == providerId) revert HolderAlready(orderId, providerId, slot);
        }
    }

    /// @dev Takes a bonus out of what the slot would have earned while nobody held it, unless collateral is slashed for
    /// it already.
    function _reserve(
        Order calldata order,
        bytes32 orderId,
        uint8 slot,
        uint32 until,
        uint32 since
    ) private returns (uint128 reserved) {
        Vacancy storage vacancy = _vacancies[orderId][_key(slot, until)];
        if (vacancy.slashed) return 0;
        uint256 unearned = Payments.providerPay(_rate(order), since - until);
        uint256 bonus = _bonus(order);
        reserved = (unearned < bonus ? unearned : bonus).toUint128();
        vacancy.reserved = reserved;
    }

    /// @dev Frees the collateral of a holder that leaves, who pays the bonus.
    function _letGo(Order calldata order, bytes32 orderId, uint8 slot, uint32 leaving, uint32 until) private {
        uint128 collateral = _collateral(order);
        uint256 wanted = _bonus(order);
        uint128 bonus = wanted < collateral ? uint128(wanted) : collateral;
        _closeVacancy(orderId, slot, until, bonus, true);
        _staking().slashProvider(leaving, order.stripes, bonus, orderId);
    }

    function _closeVacancy(bytes32 orderId, uint8 slot, uint32 until, uint128 pot, bool slashed) private {
        Vacancy memory vacancy = _vacancies[orderId][_key(slot, until)];
        if (vacancy.closed) revert VacancyAlreadyClosed(orderId, slot, until);
        (vacancy.pot, vacancy.closed, vacancy.slashed) = (uint256(pot).toUint96(), true, slashed);
        _vacancies[orderId][_key(slot, until)] = vacancy;
        _events.log(VacancyClosed.selector, orderId, abi.encode(slot, until, pot, slashed));
    }

    /// @dev Whether the holder of that vacancy has earned the bonus; reverts while it, or somebody else, still may.
    function _isBonusDue(
        bytes32 orderId,
        Slot memory it,
        uint8 slot,
        uint32 until,
        uint32 epoch
    ) private view returns (bool) {
        // The slot went on to others, or is given up.
        if (it.until != until || it.voided) return false;
        IStorageOrdersTypes.OrderState memory state = _orders().orderState(orderId);
        if (state.status != IStorageOrdersTypes.OrderStatus.Open) {
            return !it.vacant && _settlement().earnedEpochs(it.holder, it.since, state.endEpoch) != 0;
        }
        if (it.vacant || epoch < it.since || epoch >= state.endEpoch || !_settlement().passed(it.holder, epoch))
            revert BonusNotDue(orderId, slot, epoch);
        return true;
    }

    /// @dev The detail where it lies: what it says counts only if the leaf names its hash.
    function _decode(bytes calldata detail) private pure returns (OfferDetail calldata offer) {
        assembly ("memory-safe") {
            offer := add(detail.offset, calldataload(detail.offset))
        }
    }

    function _key(uint8 slot, uint32 until) private pure returns (uint256) {
        return (uint256(slot) << 32) | until;
    }

    function _only(uint32 providerId) private pure returns (uint32[] memory providerIds) {
        providerIds = new uint32[](1);
        providerIds[0] = providerId;
    }

    function _rate(Order calldata order) private pure returns (uint256) {
        return uint256(order.price) * order.stripes;
    }

    function _collateral(Order calldata order) private view returns (uint128) {
        return (CloneArguments.word(CloneArguments.COLLATERAL_PER_SHARD) * order.stripes).toUint128();
    }

    function _bonus(Order calldata order) private view returns (uint256) {
        return CloneArguments.word(CloneArguments.REPAIR_BONUS_PER_SHARD) * order.stripes;
    }

    function _min(uint32 a, uint32 b) private pure returns (uint32) {
        return a < b ? a : b;
    }

    function _max(uint32 a, uint32 b) private pure returns (uint32) {
        return a > b ? a : b;
    }

    function _orders() private view returns (IStorageOrders) {
        return IStorageOrders(_address(CloneArguments.ORDERS));
    }

    function _staking() private view returns (IStaking) {
        return IStaking(_address(CloneArguments.STAKING));
    }

    function _settlement() private view returns (IChallengeSettlement) {
        return IChallengeSettlement(_address(CloneArguments.SETTLEMENT));
    }

    function _disputes() private view returns (IDisputes) {
        return IDisputes(_address(CloneArguments.DISPUTES));
    }
}
