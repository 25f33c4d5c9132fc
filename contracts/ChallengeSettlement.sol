// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {Equivocations} from "./Equivocations.sol";
import {IChallengeSettlement} from "./interfaces/IChallengeSettlement.sol";
import {IDisputes} from "./interfaces/IDisputes.sol";
import {IRepairs} from "./interfaces/IRepairs.sol";
import {Absences} from "./libraries/Absences.sol";
import {Bits} from "./libraries/Bits.sol";
import {CertificateCheck} from "./libraries/CertificateCheck.sol";
import {CloneArguments} from "./libraries/CloneArguments.sol";
import {EpochQueue} from "./libraries/EpochQueue.sol";
import {Gaps} from "./libraries/Gaps.sol";
import {MerkleRange} from "./libraries/MerkleRange.sol";
import {MerkleTree} from "./libraries/MerkleTree.sol";
import {RollingHash} from "./libraries/RollingHash.sol";
import {Roster} from "./libraries/Roster.sol";

/// @title Certificates of a group
/// @notice Documented at `IChallengeSettlement`; rosters are in `Rosters`, what two results of one
/// round cost in `Equivocations`.
contract ChallengeSettlement is Equivocations {
    using Absences for mapping(uint256 word => uint256 counters);
    using Bits for mapping(uint256 index => uint256 word);
    using EpochQueue for EpochQueue.Progress;
    using EpochQueue for EpochQueue.Queue;
    using Gaps for Checkpoints.Trace208;
    using RollingHash for RollingHash.Chain;
    using Roster for bytes;

    /// @dev Epochs without exceptions that one call finishes beyond its own.
    uint256 private constant FINISH_MAX = 16;
    /// @dev Terms that one settlement spans at most.
    uint32 private constant TERMS_MAX = 16;
    uint8 private constant MISSED = 1;
    uint8 private constant LOST = 2;
    uint8 private constant OFFER = 3;

    /// @dev Words of a provider's bitmap that a missed leaf sets: the epoch's own, and those of the counted gap.
    struct Marks {
        /// The epoch's own bit, in the first word.
        uint256 bit;
        uint256[3] words;
        uint256[3] masks;
        uint32 fromEpoch;
        /// Registered providers, once somebody had to ask.
        uint32 known;
        /// Bits of the providers that have missed the epoch.
        uint256 missed;
    }

    EpochQueue.Queue private _queue;
    Checkpoints.Trace208 private _gaps;
    mapping(uint32 providerId => mapping(uint256 index => uint256 word) words) private _missed;
    mapping(uint32 term => mapping(uint256 word => uint256 counters) words) private _absences;

    constructor() EIP712("memo ChallengeSettlement", "1") {}

    // ------------------------------------------------------------------------------------------------ certificates

    /// @inheritdoc IChallengeSettlement
    function certify(Certificate calldata certificate, uint32 signers, bytes calldata signatures) external {
        EpochQueue.Progress memory progress = _queue.load();
        uint32 epoch = certificate.epoch;
        _checkEpoch(certificate, progress.lastCertified);
        _checkMembers(certificate, signers, signatures);
        _logCertified(certificate, signers);
        progress.lastCertified = epoch;
        if (certificate.exceptions == 0 && progress.head == progress.tail) {
            _finish(progress, epoch, certificate.absent, false);
        } else {
            if (progress.tail - progress.head >= EpochQueue.PLACES) revert PendingEpochsFull(EpochQueue.PLACES);
            _queue.write(
                progress.tail,
                PendingEpoch({
                    exceptionsRoot: certificate.exceptionsRoot,
                    epoch: epoch,
                    exceptions: certificate.exceptions,
                    applied: 0,
                    absent: certificate.absent,
                    certifiedAt: uint40(block.timestamp),
                    certifiedAtBlock: uint40(block.number)
                })
            );
            ++progress.tail;
        }
        _queue.save(progress);
    }

    /// @inheritdoc IChallengeSettlement
    function applyExceptions(
        uint32 epoch,
        ExceptionLeaf[] calldata leaves,
        bytes32[] calldata proof,
        bytes[] calldata details
    ) external {
        EpochQueue.Progress memory progress = _queue.load();
        PendingEpoch memory pending = _next(progress, epoch);
        (uint32 exceptions, uint32 from) = (pending.exceptions, pending.applied);
        if (leaves.length == 0 || leaves.length > exceptions - from)
            revert LeavesInvalid(leaves.length, exceptions - from);
        uint32 to = from + uint32(leaves.length);

        bytes32 root = MerkleRange.rootFrom(_hashes(from, leaves), from, exceptions, proof);
        if (root != _queue.rootAt(progress.head)) revert RangeProofInvalid(root, _queue.rootAt(progress.head));

        pending.exceptionsRoot = root;
        _applyAll(pending, progress, leaves, details);
        _events.log(ExceptionsApplied.selector, _topic(epoch), abi.encode(from, to));
        if (to < exceptions) {
            _queue.writeApplied(progress.head, to);
        } else {
            _finishHead(progress, pending, false);
        }
    }

    /// @inheritdoc IChallengeSettlement
    function lapse(uint32 epoch) external {
        EpochQueue.Progress memory progress = _queue.load();
        PendingEpoch memory pending = _next(progress, epoch);
        uint256 afterTime = pending.certifiedAt + CloneArguments.word(CloneArguments.APPLY_WINDOW);
        uint256 afterBlock = pending.certifiedAtBlock + CloneArguments.word(CloneArguments.APPLY_WINDOW_BLOCKS);
        if (block.timestamp <= afterTime || block.number <= afterBlock) {
            revert ApplyWindowOpen(block.timestamp, afterTime, block.number, afterBlock);
        }
        _finishHead(progress, pending, pending.applied < pending.exceptions);
    }

    /// @inheritdoc IChallengeSettlement
    function finish() external {
        EpochQueue.Progress memory progress = _queue.load();
        uint32 head = progress.head;
        _finishWaiting(progress);
        if (progress.head == head) revert NothingPending();
        _queue.save(progress);
    }

    // ------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IChallengeSettlement
    function epochNow() external view returns (uint32) {
        return _epochNow();
    }

    /// @inheritdoc IChallengeSettlement
    function termOf(uint32 epoch) external view returns (uint32) {
        return _termOf(epoch);
    }

    /// @inheritdoc IChallengeSettlement
    function lastCertified() external view returns (uint32) {
        return _lastCertified();
    }

    /// @inheritdoc IChallengeSettlement
    function lastFinished() external view returns (uint32) {
        return _queue.load().lastFinished;
    }

    /// @inheritdoc IChallengeSettlement
    function pendingCount() external view returns (uint256) {
        EpochQueue.Progress memory progress = _queue.load();
        return progress.tail - progress.head;
    }

    /// @inheritdoc IChallengeSettlement
    function pendingAt(uint256 index) external view returns (PendingEpoch memory pending) {
        EpochQueue.Progress memory progress = _queue.load();
        if (index >= progress.tail - progress.head) revert NothingPending();
        pending = _queue.read(progress.head + uint32(index));
        pending.exceptionsRoot = _queue.rootAt(progress.head + uint32(index));
    }

    /// @inheritdoc IChallengeSettlement
    function missed(uint32 providerId, uint32 epoch) external view returns (bool) {
        return _missed[providerId].get(epoch);
    }

    /// @inheritdoc IChallengeSettlement
    function passed(uint32 providerId, uint32 epoch) external view returns (bool) {
        if (epoch == 0 || epoch > _queue.load().lastFinished) return false;
        (, uint32 feeless) = _gaps.between(epoch, epoch + 1);
        return feeless == 0 && !_missed[providerId].get(epoch);
    }

    /// @inheritdoc IChallengeSettlement
    function earnedEpochs(uint32 providerId, uint32 from, uint32 to) external view returns (uint32) {
        uint32 end = _queue.load().lastFinished + 1;
        if (to < end) end = to;
        if (from >= end) return 0;
        (uint32 dead, ) = _gaps.between(from, end);
        return end - from - dead - uint32(_missed[providerId].countRange(from, end));
    }

    /// @inheritdoc IChallengeSettlement
    function unpaid(uint32 from, uint32 to) external view returns (Unpaid memory result) {
        uint32 end = _queue.load().lastFinished + 1;
        (result.dead, result.feeless) = _gaps.between(from, to < end ? to : end);
    }

    /// @inheritdoc IChallengeSettlement
    function tally(
        uint32[] calldata providerIds,
        uint32 start,
        uint32 from,
        uint32 to,
        bool before
    ) external view returns (Tally memory result) {
        uint32 termLength = uint32(CloneArguments.word(CloneArguments.TERM_LENGTH));
        uint32 first = from / termLength;
        EpochQueue.Progress memory progress = _queue.load();
        {
            uint32 settled = progress.lastFinished + 1;
            if (to > settled) to = settled;
            uint256 pageEnd = (uint256(first) + TERMS_MAX) * termLength;
            if (to > pageEnd) to = uint32(pageEnd);
            if (to < from) to = from;
        }
        result.to = to;
        if (to == from) return result;
        (result.deadBefore, result.feelessBefore) = _gaps.between(start, from);
        uint32 terms = (to - 1) / termLength - first + 1;
        result.dead = new uint32[](terms);
        result.feeless = new uint32[](terms);
        for (uint32 i = 0; i < terms; ++i) {
            uint256 termEnd = (uint256(first) + i + 1) * termLength;
            (result.dead[i], result.feeless[i]) = _gaps.between(start, termEnd < to ? uint32(termEnd) : to);
        }
        if (!before) start = from;
        result.missed = _missedOf(progress.maybeMissed(start), providerIds, start, from, to);
    }

    /// @inheritdoc IChallengeSettlement
    function termTally(uint32 term) external view returns (TermTally memory result) {
        uint32 termLength = uint32(CloneArguments.word(CloneArguments.TERM_LENGTH));
        uint32 finished = _queue.load().lastFinished;
        // Epoch 0 is nobody's: the first that can be certified is 1.
        uint32 start = term == 0 ? 1 : term * termLength;
        uint32 end = (term + 1) * termLength;
        result.over = finished >= end - 1;
        if (finished + 1 < end) end = finished + 1;
        if (end > start) {
            (, uint32 feeless) = _gaps.between(start, end);
            result.earning = end - start - feeless;
        }
        bytes memory members = _members(term);
        result.keeperIds = members.keepersOf();
        result.operators = members.operatorsOf();
        result.absences = _absences[term].read(result.operators.length);
    }

    // ---------------------------------------------------------------------------------------------------- internal

    function _lastCertified() internal view override returns (uint32) {
        return _queue.load().lastCertified;
    }

    function _checkEpoch(Certificate calldata certificate, uint32 lastCertified_) private view {
        uint32 epoch = certificate.epoch;
        if (epoch <= lastCertified_) revert EpochNotRising(epoch, lastCertified_);
        uint32 epochNow_ = _epochNow();
        if (epoch > epochNow_) revert EpochInFuture(epoch, epochNow_);
        if (certificate.term != _termOf(epoch)) revert TermWrong(certificate.term, _termOf(epoch));
    }

    function _checkMembers(Certificate calldata certificate, uint32 signers, bytes calldata signatures) private view {
        (address pointer, uint32 masked_) = _rosterOf(certificate.term);
        if (pointer == address(0)) revert NoRoster(certificate.term);
        bytes memory members = Roster.read(pointer);
        CertificateCheck.checkContent(certificate, members.size());
        CertificateCheck.checkMask(signers, masked_);
        CertificateCheck.checkSignatures(members, signers, signatures, commitDigest(certificate));
    }

    function _logCertified(Certificate calldata certificate, uint32 signers) private {
        _events.log(
            EpochCertified.selector,
            _topic(certificate.epoch),
            _topic(certificate.term),
            _topic(msg.sender),
            abi.encode(
                certificate.round,
                certificate.resultsRoot,
                certificate.exceptionsRoot,
                certificate.exceptions,
                certificate.absent,
                certificate.leader,
                signers
            )
        );
    }

    function _hashes(uint32 from, ExceptionLeaf[] calldata leaves) private pure returns (bytes32[] memory hashes) {
        hashes = new bytes32[](leaves.length);
        for (uint32 i = 0; i < leaves.length; ++i) {
            ExceptionLeaf calldata leaf = leaves[i];
            hashes[i] = keccak256(
                abi.encodePacked(bytes1(0x00), MerkleTree.EXCEPTION_TAG, from + i, leaf.kind, leaf.provider, leaf.data)
            );
        }
    }

    function _applyAll(
        PendingEpoch memory pending,
        EpochQueue.Progress memory progress,
        ExceptionLeaf[] calldata leaves,
        bytes[] calldata details
    ) private {
        Marks memory marks = _marks(pending.epoch, progress.lastFinished);
        bytes memory data = abi.encode(marks.fromEpoch);
        uint256 used = 0;
        for (uint32 i = 0; i < leaves.length; ++i) {
            ExceptionLeaf calldata leaf = leaves[i];
            bytes32 reason;
            if (leaf.kind == LOST || leaf.kind == OFFER) {
                if (used == details.length) revert DetailsInvalid(details.length, used + 1);
                reason = _passOn(pending, progress.lastFinished, leaf, details[used++]);
            } else {
                reason =
                    leaf.kind != MISSED
                        ? bytes32("KIND_UNSUPPORTED")
                        : leaf.data != 0
                            ? bytes32("DATA_NOT_ZERO")
                            : _miss(leaf.provider, marks);
                if (reason == 0) {
                    _events.log(ProviderMissed.selector, _topic(pending.epoch), _topic(leaf.provider), data);
                }
            }
            if (reason != 0) {
                _events.log(
                    ExceptionSkipped.selector,
                    _topic(pending.epoch),
                    abi.encode(pending.applied + i, leaf.kind, leaf.provider, reason)
                );
            }
        }
        if (used != details.length) revert DetailsInvalid(details.length, used);
        bool noted = progress.noteMissed(marks.words[0], marks.missed);
        // With the last chunk it is saved in any case.
        if (noted && pending.applied + leaves.length < pending.exceptions) _queue.save(progress);
    }

    /// @dev Lost leaves and offers are applied where slots and disputes are kept.
    function _passOn(
        PendingEpoch memory pending,
        uint32 lastFinished_,
        ExceptionLeaf calldata leaf,
        bytes calldata detail
    ) private returns (bytes32 reason) {
        if (leaf.kind == OFFER) return _repairs().applyOffer(pending.epoch, leaf.provider, leaf.data, detail);
        return
            _disputes().applyLost(
                pending.epoch,
                lastFinished_,
                pending.certifiedAtBlock,
                pending.exceptionsRoot,
                leaf.provider,
                leaf.data,
                detail
            );
    }

    /// @dev Sets a provider's bits, or says why not.
    function _miss(uint32 providerId, Marks memory marks) private returns (bytes32 reason) {
        mapping(uint256 index => uint256 word) storage words = _missed[providerId];
        uint256 word = words[marks.words[0]];
        if (word == 0) {
            // Who has missed something before is known; asking costs a call, once.
            if (marks.known == 0) marks.known = _staking().providerCount();
            if (providerId == 0 || providerId > marks.known) return "PROVIDER_UNKNOWN";
        }
        if (word & marks.bit != 0) return "ALREADY_MISSED";
        words[marks.words[0]] = word | marks.masks[0];
        marks.missed |= EpochQueue.missedBit(providerId);
        for (uint256 i = 1; i < 3 && marks.masks[i] != 0; ++i) {
            words[marks.words[i]] |= marks.masks[i];
        }
    }

    /// @dev The epoch and the first maxGap epochs of the gap before it lie in at most three words.
    function _marks(uint32 epoch, uint32 lastFinished_) private view returns (Marks memory marks) {
        uint32 gapEnd = lastFinished_ + 1 + uint32(CloneArguments.word(CloneArguments.MAX_GAP));
        if (gapEnd > epoch) gapEnd = epoch;
        marks.fromEpoch = lastFinished_ + 1;
        marks.bit = uint256(1) << (epoch & 0xff);
        (marks.words[0], marks.masks[0]) = (epoch >> 8, marks.bit);
        uint256 last = 0;
        for (uint32 gap = lastFinished_ + 1; gap < gapEnd; ++gap) {
            uint256 word = gap >> 8;
            uint256 place = word == marks.words[0] ? 0 : last;
            if (word != marks.words[place]) marks.words[place = ++last] = word;
            marks.masks[place] |= uint256(1) << (gap & 0xff);
        }
    }

    /// @dev Slots of providers that missed epochs from `start` to `from`, and from there to `to` (all exclusive).
    /// @param maybe Bits of those that may have.
    function _missedOf(
        uint256 maybe,
        uint32[] calldata providerIds,
        uint32 start,
        uint32 from,
        uint32 to
    ) private view returns (uint96[] memory missed_) {
        if (maybe == 0) return missed_;
        missed_ = new uint96[](providerIds.length);
        uint256 count = 0;
        for (uint256 slot = 0; slot < providerIds.length; ++slot) {
            uint32 providerId = providerIds[slot];
            if (maybe & EpochQueue.missedBit(providerId) == 0) continue;
            uint256 before = _missed[providerId].countRange(start, from);
            uint256 within = _missed[providerId].countRange(from, to);
            // Neither has more than 32 bits.
            if (before | within != 0) missed_[count++] = uint96((slot << 64) | (before << 32) | within);
        }
        assembly ("memory-safe") {
            mstore(missed_, count)
        }
    }

    function _next(
        EpochQueue.Progress memory progress,
        uint32 epoch
    ) private view returns (PendingEpoch memory pending) {
        if (progress.head == progress.tail) revert NothingPending();
        pending = _queue.read(progress.head);
        if (pending.epoch != epoch) revert EpochNotNext(epoch, pending.epoch);
    }

    function _finishHead(EpochQueue.Progress memory progress, PendingEpoch memory pending, bool lapsed) private {
        _finish(progress, pending.epoch, pending.absent, lapsed);
        ++progress.head;
        _finishWaiting(progress);
        _queue.save(progress);
    }

    function _finishWaiting(EpochQueue.Progress memory progress) private {
        for (uint256 i = 0; i < FINISH_MAX && progress.head != progress.tail; ++i) {
            PendingEpoch memory pending = _queue.read(progress.head);
            if (pending.exceptions != 0) return;
            _finish(progress, pending.epoch, pending.absent, false);
            ++progress.head;
        }
    }

    function _finish(EpochQueue.Progress memory progress, uint32 epoch, uint32 absent, bool lapsed) private {
        uint32 gap = epoch - progress.lastFinished - 1;
        uint32 maxGap = uint32(CloneArguments.word(CloneArguments.MAX_GAP));
        uint32 dead = gap > maxGap ? gap - maxGap : 0;
        _gaps.push(epoch, gap, dead, lapsed);
        if (absent != 0 && !lapsed) _absences[_termOf(epoch)].count(absent);
        progress.lastFinished = epoch;
        _events.log(EpochFinished.selector, _topic(epoch), abi.encode(lapsed, gap, dead));
    }

    function _disputes() private view returns (IDisputes) {
        return IDisputes(_address(CloneArguments.DISPUTES));
    }

    function _repairs() private view returns (IRepairs) {
        return IRepairs(_address(CloneArguments.REPAIRS));
    }
}
