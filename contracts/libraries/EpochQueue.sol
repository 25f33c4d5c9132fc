// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IChallengeSettlementTypes} from "../interfaces/IChallengeSettlement.sol";

/// @title Certified epochs that wait to be finished
/// @notice A ring of 256 places of two words, and one word for how far the group is. Packed by hand: the compiler
/// would read and write a word once per field.
library EpochQueue {
    /// @dev Epochs that may wait at a time.
    uint32 internal constant PLACES = 256;

    struct Place {
        bytes32 exceptionsRoot;
        uint256 rest;
    }

    struct Queue {
        uint256 progress;
        Place[PLACES] places;
    }

    /// @dev Providers share that many bits of `missedBits`.
    uint256 private constant MISSED_BITS = 96;

    /// @dev Epochs wait from `head` (inclusive) to `tail` (exclusive).
    struct Progress {
        uint32 lastCertified;
        uint32 lastFinished;
        uint32 head;
        uint32 tail;
        /// The last 256 epochs, counted from 0 in such steps, in which anybody missed one ...
        uint32 missedWindow;
        /// ... and whose bitmaps of them may not be empty, by the remainder of the provider's id.
        uint96 missedBits;
    }

    function load(Queue storage queue) internal view returns (Progress memory) {
        uint256 word = queue.progress;
        return
            Progress({
                lastCertified: uint32(word),
                lastFinished: uint32(word >> 32),
                head: uint32(word >> 64),
                tail: uint32(word >> 96),
                missedWindow: uint32(word >> 128),
                missedBits: uint96(word >> 160)
            });
    }

    function save(Queue storage queue, Progress memory progress) internal {
        queue.progress =
            uint256(progress.lastCertified) |
            (uint256(progress.lastFinished) << 32) |
            (uint256(progress.head) << 64) |
            (uint256(progress.tail) << 96) |
            (uint256(progress.missedWindow) << 128) |
            (uint256(progress.missedBits) << 160);
    }

    /// @notice The bit that stands for a provider.
    function missedBit(uint32 providerId) internal pure returns (uint256) {
        return 1 << (providerId % MISSED_BITS);
    }

    /// @notice Notes that the providers of these bits missed an epoch of a window. Windows never fall.
    function noteMissed(Progress memory progress, uint256 window, uint256 bits) internal pure returns (bool changed) {
        uint256 known = progress.missedWindow == window ? progress.missedBits : 0;
        if (known | bits == known) return false;
        (progress.missedWindow, progress.missedBits) = (uint32(window), uint96(known | bits));
        return true;
    }

    /// @notice Whose bitmaps have to be read for epochs from `from` on; the others missed none.
    function maybeMissed(Progress memory progress, uint32 from) internal pure returns (uint256 bits) {
        uint32 window = from >> 8;
        if (window > progress.missedWindow) return 0;
        return window == progress.missedWindow ? progress.missedBits : type(uint96).max;
    }

    function write(Queue storage queue, uint32 index, IChallengeSettlementTypes.PendingEpoch memory pending) internal {
        Place storage place = queue.places[index % PLACES];
        place.exceptionsRoot = pending.exceptionsRoot;
        place.rest =
            uint256(pending.epoch) |
            (uint256(pending.exceptions) << 32) |
            (uint256(pending.applied) << 64) |
            (uint256(pending.absent) << 96) |
            (uint256(pending.certifiedAt) << 128) |
            (uint256(pending.certifiedAtBlock) << 168);
    }

    function writeApplied(Queue storage queue, uint32 index, uint32 applied) internal {
        Place storage place = queue.places[index % PLACES];
        place.rest = (place.rest & ~(uint256(type(uint32).max) << 64)) | (uint256(applied) << 64);
    }

    /// @dev The root, which only applying needs, is read apart.
    function read(
        Queue storage queue,
        uint32 index
    ) internal view returns (IChallengeSettlementTypes.PendingEpoch memory pending) {
        uint256 rest = queue.places[index % PLACES].rest;
        pending.epoch = uint32(rest);
        pending.exceptions = uint32(rest >> 32);
        pending.applied = uint32(rest >> 64);
        pending.absent = uint32(rest >> 96);
        pending.certifiedAt = uint40(rest >> 128);
        pending.certifiedAtBlock = uint40(rest >> 168);
    }

    function rootAt(Queue storage queue, uint32 index) internal view returns (bytes32) {
        return queue.places[index % PLACES].exceptionsRoot;
    }
}
