// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DirectChallenges} from "./DirectChallenges.sol";
import {IDisputes} from "./interfaces/IDisputes.sol";
import {IStorageOrdersTypes, Order} from "./interfaces/IStorageOrders.sol";
import {CloneArguments} from "./libraries/CloneArguments.sol";
import {DisputeHash} from "./libraries/DisputeHash.sol";
import {Draws} from "./libraries/Draws.sol";
import {OrderHash} from "./libraries/OrderHash.sol";
import {RollingHash} from "./libraries/RollingHash.sol";

/// @title Disputes of a group
/// @notice Documented at `IDisputes`. Lost records; the rest is in `DirectChallenges` and
/// `SlotDisputes`.
contract Disputes is DirectChallenges {
    using OrderHash for Order;
    using RollingHash for RollingHash.Chain;

    uint256 private constant ENTRIES_MAX = 64;

    mapping(bytes32 recordKey => LostRecord record) private _records;

    /// @inheritdoc IDisputes
    mapping(uint32 epoch => bytes32 draw) public drawOf;

    /// @inheritdoc IDisputes
    mapping(uint32 providerId => uint32 epoch) public protectedTo;

    // ------------------------------------------------------------------------------------------------ lost records

    /// @inheritdoc IDisputes
    function applyLost(
        uint32 epoch,
        uint32 lastFinished,
        uint64 certifiedAtBlock,
        bytes32 exceptionsRoot,
        uint32 providerId,
        bytes32 data,
        bytes calldata detail
    ) external onlyContract(CloneArguments.SETTLEMENT) returns (bytes32 reason) {
        LostDetail calldata lost = _lostDetail(detail, data);
        if (_records[_recordKey(providerId, epoch, lost.part)].status != RecordStatus.None) return "RECORD_EXISTS";
        KeptEntry[] memory kept = _evictAll(epoch, lastFinished, providerId, lost);
        if (kept.length == 0) return "NOTHING_KEPT";
        bytes32 epochDraw = drawOf[epoch];
        if (epochDraw == 0) drawOf[epoch] = epochDraw = Draws.ofEpoch(certifiedAtBlock, exceptionsRoot);
        _write(epoch, providerId, lost.part, kept, Draws.ofRecord(epochDraw, providerId, lost.part));
    }

    /// @inheritdoc IDisputes
    function appeal(
        uint32 providerId,
        uint32 epoch,
        uint32 part,
        KeptEntry[] calldata entries,
        ShardAnswer[] calldata answers
    ) external {
        LostRecord storage record = _recordOf(providerId, epoch, part, entries);
        if (record.status != RecordStatus.Open) revert RecordNotOpen(providerId, epoch, part, record.status);
        _requireWindow(record.deadline, record.deadlineBlock);
        if (_staking().providerOf(msg.sender) != providerId) revert NotAccused(msg.sender, providerId);
        bytes32 draw = Draws.ofRecord(drawOf[epoch], providerId, part);
        DrawnShard[] memory drawn = Draws.shards(draw, entries);
        if (answers.length != drawn.length) revert AnswersCount(answers.length, drawn.length);
        for (uint256 i = 0; i < drawn.length; ++i) {
            KeptEntry calldata entry = entries[drawn[i].index];
            _checkAnswer(i, answers[i], draw, entry.orderId, entry.slot, drawn[i].stripe);
        }
        record.status = RecordStatus.Appealed;
        uint32 protectedTo_ = _epochNow() + uint32(CloneArguments.word(CloneArguments.PROTECTION_EPOCHS));
        protectedTo[providerId] = protectedTo_;
        _events.log(AppealAccepted.selector, _topic(epoch), _topic(providerId), abi.encode(part, protectedTo_));
    }

    /// @inheritdoc IDisputes
    function closeRecord(
        uint32 providerId,
        uint32 epoch,
        uint32 part,
        KeptEntry[] calldata entries,
        Order[] calldata orders
    ) external nonReentrant {
        LostRecord storage record = _recordOf(providerId, epoch, part, entries);
        RecordStatus status = record.status;
        if (status == RecordStatus.Closed) revert RecordNotOpen(providerId, epoch, part, status);
        _requireOver(record.deadline, record.deadlineBlock);
        record.status = RecordStatus.Closed;
        bool slashed = status == RecordStatus.Open;
        _closeAll(providerId, entries, orders, slashed);
        _events.log(RecordClosed.selector, _topic(epoch), _topic(providerId), abi.encode(part, slashed));
    }

    // ------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IDisputes
    function lostRecord(uint32 providerId, uint32 epoch, uint32 part) external view returns (LostRecord memory) {
        return _records[_recordKey(providerId, epoch, part)];
    }

    /// @inheritdoc IDisputes
    function drawnShards(
        uint32 providerId,
        uint32 epoch,
        uint32 part,
        KeptEntry[] calldata entries
    ) external view returns (DrawnShard[] memory) {
        _recordOf(providerId, epoch, part, entries);
        return Draws.shards(Draws.ofRecord(drawOf[epoch], providerId, part), entries);
    }

    /// @inheritdoc IDisputes
    function pointOf(bytes32 draw, bytes32 orderId, uint8 slot, uint32 stripe) external view returns (uint256) {
        return Draws.point(draw, orderId, slot, stripe);
    }

    // ---------------------------------------------------------------------------------------------------- internal

    /// @dev The detail behind a lost leaf, where it lies in calldata.
    function _lostDetail(bytes calldata detail, bytes32 data) private pure returns (LostDetail calldata lost) {
        uint256 offset;
        assembly ("memory-safe") {
            offset := calldataload(detail.offset)
            lost := add(detail.offset, 0x20)
        }
        bytes32 computed = offset == 0x20 ? DisputeHash.ofLost(lost.part, lost.entries) : bytes32(0);
        if (computed != data) revert LostDetailInvalid(computed, data);
        uint256 count = lost.entries.length;
        if (count == 0 || count > ENTRIES_MAX) revert EntriesInvalid(count, ENTRIES_MAX);
        for (uint256 i = 1; i < count; ++i) {
            (LostEntry calldata last, LostEntry calldata entry) = (lost.entries[i - 1], lost.entries[i]);
            bool ascends = last.orderId < entry.orderId || (last.orderId == entry.orderId && last.slot < entry.slot);
            if (!ascends) revert EntriesNotAscending(i);
        }
    }

    /// @dev Evicts what can be evicted; both lists ascend by order.
    function _evictAll(
        uint32 epoch,
        uint32 lastFinished,
        uint32 providerId,
        LostDetail calldata lost
    ) private returns (KeptEntry[] memory kept) {
        // Nothing to note of a provider that nobody challenges.
        bool challenged = _challenges[providerId].live != 0;
        kept = new KeptEntry[](lost.entries.length);
        uint256 found = 0;
        uint256 next = 0;
        bytes32 orderId = 0;
        for (uint256 i = 0; i < lost.entries.length; ++i) {
            LostEntry calldata entry = lost.entries[i];
            while (orderId < entry.orderId && next < lost.orders.length) orderId = lost.orders[next++].id();
            bytes32 reason = "ORDER_NOT_OPEN";
            if (orderId == entry.orderId) {
                Order calldata order = lost.orders[next - 1];
                (reason, kept[found]) = _evict(epoch, lastFinished, providerId, entry, order);
                if (reason == 0 && challenged) _noteEnd(_tenureOf(kept[found], providerId));
            } else if (_orders().orderState(entry.orderId).status == IStorageOrdersTypes.OrderStatus.Open) {
                revert OrderMissing(entry.orderId);
            }
            if (reason == 0) ++found;
            else _logDropped(epoch, providerId, lost.part, i, reason);
        }
        assembly ("memory-safe") {
            mstore(kept, found)
        }
    }

    function _evict(
        uint32 epoch,
        uint32 lastFinished,
        uint32 providerId,
        LostEntry calldata entry,
        Order calldata order
    ) private returns (bytes32 reason, KeptEntry memory kept) {
        if (entry.slot >= order.providers.length) return ("SLOT_UNKNOWN", kept);
        if (entry.stripe >= order.stripes) return ("STRIPE_UNKNOWN", kept);
        (kept.orderId, kept.slot, kept.stripe) = (entry.orderId, entry.slot, entry.stripe);
        kept.stripes = order.stripes;
        (reason, kept.since, kept.until) = _repairs().evict(
            _opened(order, kept.orderId, kept.slot),
            providerId,
            epoch,
            lastFinished
        );
    }

    function _logDropped(uint32 epoch, uint32 providerId, uint32 part, uint256 index, bytes32 reason) private {
        _events.log(
            LostEntryDropped.selector,
            _topic(epoch),
            _topic(providerId),
            abi.encode(part, uint8(index), reason)
        );
    }

    function _tenureOf(KeptEntry memory kept, uint32 providerId) private pure returns (Tenure memory) {
        return Tenure(kept.orderId, kept.slot, providerId, kept.since, kept.until);
    }

    function _write(uint32 epoch, uint32 providerId, uint32 part, KeptEntry[] memory kept, bytes32 draw) private {
        bool isProtected = epoch <= protectedTo[providerId];
        LostRecord memory record = LostRecord({
            entriesHash: keccak256(abi.encode(kept)),
            status: isProtected ? RecordStatus.Protected : RecordStatus.Open,
            count: uint8(kept.length),
            deadline: _deadline(),
            deadlineBlock: _deadlineBlock()
        });
        _records[_recordKey(providerId, epoch, part)] = record;
        _events.log(
            LostRecorded.selector,
            _topic(epoch),
            _topic(providerId),
            abi.encode(part, draw, record.deadline, record.deadlineBlock, isProtected, kept)
        );
    }

    /// @dev Both lists ascend by order.
    function _closeAll(uint32 providerId, KeptEntry[] calldata entries, Order[] calldata orders, bool slashed) private {
        uint256 next = 0;
        bytes32 orderId = 0;
        for (uint256 i = 0; i < entries.length; ++i) {
            KeptEntry calldata entry = entries[i];
            while (orderId != entry.orderId) {
                if (next == orders.length) revert OrderMissing(entry.orderId);
                orderId = orders[next++].id();
            }
            Tenure memory tenure = Tenure(orderId, entry.slot, providerId, entry.since, entry.until);
            _closeEntry(orders[next - 1], tenure, slashed);
        }
    }

    function _closeEntry(Order calldata order, Tenure memory tenure, bool slashed) private {
        if (_repairs().vacancyClosed(tenure.orderId, tenure.slot, tenure.until)) return;
        if (slashed) {
            _slash(order, tenure, address(0));
            return;
        }
        // Only what would be spared has to wait: else who is to be slashed could put it off by challenging itself.
        if (_open[tenure.orderId][tenure.slot].former != 0) revert ChallengeStillOpen(tenure.orderId, tenure.slot);
        _spare(order, tenure);
    }

    function _recordOf(
        uint32 providerId,
        uint32 epoch,
        uint32 part,
        KeptEntry[] calldata entries
    ) private view returns (LostRecord storage record) {
        record = _records[_recordKey(providerId, epoch, part)];
        if (record.status == RecordStatus.None) revert RecordUnknown(providerId, epoch, part);
        bytes32 computed = DisputeHash.ofKept(entries);
        if (computed != record.entriesHash) revert EntriesWrong(computed, record.entriesHash);
    }

    function _recordKey(uint32 providerId, uint32 epoch, uint32 part) private pure returns (bytes32) {
        return keccak256(abi.encode(providerId, epoch, part));
    }
}
