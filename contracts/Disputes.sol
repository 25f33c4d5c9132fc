// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DirectChallenges} from "./DirectChallenges.sol";
import {IChallengeSettlementTypes} from "./interfaces/IChallengeSettlement.sol";
import {IDisputes} from "./interfaces/IDisputes.sol";
import {IStorageOrdersTypes, Order} from "./interfaces/IStorageOrders.sol";
import {CloneArguments} from "./libraries/CloneArguments.sol";
import {CompactSignatures} from "./libraries/CompactSignatures.sol";
import {Draws} from "./libraries/Draws.sol";
import {OrderHash} from "./libraries/OrderHash.sol";
import {RollingHash} from "./libraries/RollingHash.sol";

/// @title Disputes of a group
/// @notice Documented at `IDisputes`. Lost records and equivocation; the rest is in `DirectChallenges` and
/// `SlotDisputes`.
contract Disputes is DirectChallenges {
    using OrderHash for Order;
    using RollingHash for RollingHash.Chain;

    uint256 private constant ENTRIES_MAX = 64;

    mapping(bytes32 recordKey => LostRecord record) private _records;
    mapping(bytes32 voteKey => bool reported) private _reported;

    /// @inheritdoc IDisputes
    mapping(uint32 epoch => bytes32 draw) public drawOf;

    /// @inheritdoc IDisputes
    mapping(uint32 providerId => uint32 epoch) public protectedTo;

    // ------------------------------------------------------------------------------------------------ lost records

    /// @inheritdoc IDisputes
    function applyLost(
        uint32 epoch,
        uint64 certifiedAtBlock,
        bytes32 exceptionsRoot,
        uint32 providerId,
        bytes32 data,
        bytes calldata detail
    ) external onlyContract(CloneArguments.SETTLEMENT) returns (bytes32 reason) {
        LostDetail calldata lost = _lostDetail(detail, data);
        if (_records[_recordKey(providerId, epoch, lost.part)].status != RecordStatus.None) return "RECORD_EXISTS";
        if (drawOf[epoch] == 0) drawOf[epoch] = Draws.ofEpoch(certifiedAtBlock, exceptionsRoot);
        KeptEntry[] memory kept = _evictAll(epoch, providerId, lost);
        if (kept.length == 0) return "NOTHING_KEPT";
        _write(epoch, providerId, lost.part, kept);
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

    // ------------------------------------------------------------------------------------------------ equivocation

    /// @inheritdoc IDisputes
    function reportEquivocation(
        IChallengeSettlementTypes.Certificate calldata a,
        IChallengeSettlementTypes.Certificate calldata b,
        uint8 member,
        bytes calldata first,
        bytes calldata second
    ) external nonReentrant {
        uint32 keeperId = _signerOfBoth(a, b, member, first, second);
        bytes32 key = keccak256(abi.encode(keeperId, a.term, a.epoch, a.round));
        if (_reported[key]) revert KeeperAlreadySlashed(keeperId);
        _reported[key] = true;
        (uint128 slashed, uint128 reward) = _staking().slashKeeper(keeperId, msg.sender);
        if (slashed == 0) revert KeeperAlreadySlashed(keeperId);
        _settlement().maskKeeper(keeperId);
        _events.log(
            EquivocationReported.selector,
            _topic(keeperId),
            _topic(msg.sender),
            abi.encode(a.epoch, a.round, slashed, reward)
        );
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
        bytes32 computed = offset == 0x20 ? keccak256(abi.encode(lost.part, lost.entries)) : bytes32(0);
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
        uint32 providerId,
        LostDetail calldata lost
    ) private returns (KeptEntry[] memory kept) {
        kept = new KeptEntry[](lost.entries.length);
        uint256 found = 0;
        uint256 next = 0;
        bytes32 orderId = 0;
        for (uint256 i = 0; i < lost.entries.length; ++i) {
            LostEntry calldata entry = lost.entries[i];
            while (orderId < entry.orderId && next < lost.orders.length) orderId = lost.orders[next++].id();
            bytes32 reason = "ORDER_NOT_OPEN";
            if (orderId == entry.orderId) {
                (reason, kept[found]) = _evict(epoch, providerId, entry, lost.orders[next - 1]);
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
        uint32 providerId,
        LostEntry calldata entry,
        Order calldata order
    ) private returns (bytes32 reason, KeptEntry memory kept) {
        (kept.orderId, kept.slot, kept.stripe) = (entry.orderId, entry.slot, entry.stripe);
        kept.stripes = order.stripes;
        (reason, kept.since, kept.until) = _repairs().evict(order, kept.slot, kept.stripe, providerId, epoch);
        if (reason == 0) _noteEnd(Tenure(kept.orderId, kept.slot, providerId, kept.since, kept.until));
    }

    function _logDropped(uint32 epoch, uint32 providerId, uint32 part, uint256 index, bytes32 reason) private {
        _events.log(
            LostEntryDropped.selector,
            _topic(epoch),
            _topic(providerId),
            abi.encode(part, uint8(index), reason)
        );
    }

    function _write(uint32 epoch, uint32 providerId, uint32 part, KeptEntry[] memory kept) private {
        bool isProtected = epoch <= protectedTo[providerId];
        LostRecord memory record = LostRecord({
            entriesHash: keccak256(abi.encode(kept)),
            status: isProtected ? RecordStatus.Protected : RecordStatus.Open,
            count: uint8(kept.length),
            deadline: _deadline(),
            deadlineBlock: _deadlineBlock()
        });
        _records[_recordKey(providerId, epoch, part)] = record;
        bytes32 draw = Draws.ofRecord(drawOf[epoch], providerId, part);
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

    /// @dev The member of the roster that signed two different certificates of one round.
    function _signerOfBoth(
        IChallengeSettlementTypes.Certificate calldata a,
        IChallengeSettlementTypes.Certificate calldata b,
        uint8 member,
        bytes calldata first,
        bytes calldata second
    ) private view returns (uint32) {
        bytes32 digestA = _settlement().commitDigest(a);
        bytes32 digestB = _settlement().commitDigest(b);
        bool sameRound = a.term == b.term && a.epoch == b.epoch && a.round == b.round;
        if (!sameRound || digestA == digestB) revert NoConflict();
        IChallengeSettlementTypes.Member memory signer = _settlement().memberAt(a.term, member);
        _checkSigner(digestA, first, signer.operator);
        _checkSigner(digestB, second, signer.operator);
        return signer.keeperId;
    }

    function _checkSigner(bytes32 digest, bytes calldata signature, address operator) private view {
        address recovered =
            signature.length == CompactSignatures.BYTES ? CompactSignatures.recover(digest, signature, 0) : address(0);
        // No operator is the zero address, which a failed recovery gives.
        if (recovered != operator) revert SignatureNotOfMember(recovered, operator);
    }

    function _recordOf(
        uint32 providerId,
        uint32 epoch,
        uint32 part,
        KeptEntry[] calldata entries
    ) private view returns (LostRecord storage record) {
        record = _records[_recordKey(providerId, epoch, part)];
        if (record.status == RecordStatus.None) revert RecordUnknown(providerId, epoch, part);
        bytes32 computed = keccak256(abi.encode(entries));
        if (computed != record.entriesHash) revert EntriesWrong(computed, record.entriesHash);
    }

    function _recordKey(uint32 providerId, uint32 epoch, uint32 part) private pure returns (bytes32) {
        return keccak256(abi.encode(providerId, epoch, part));
    }
}
