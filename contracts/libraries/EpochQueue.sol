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

    /// @dev Epochs wait from `head` (inclusive) to `tail` (exclusive).
    struct Progress {
        uint32 lastCertified;
        uint32 lastFinished;
        uint32 head;
        uint32 tail;
    }

    function load(Queue storage queue) internal view returns (Progress memory) {
        uint256 word = queue.progress;
        return Progress(uint32(word), uint32(word >> 32), uint32(word >> 64), uint32(word >> 96));
    }

    function save(Queue storage queue, Progress memory progress) internal {
        queue.progress =
            uint256(progress.lastCertified) |
            (uint256(progress.lastFinished) << 32) |
            (uint256(progress.head) << 64) |
            (uint256(progress.tail) << 96);
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
