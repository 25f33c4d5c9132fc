// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

/// @title How many epochs were never paid, and how many earned keepers nothing
/// @notice One checkpoint per epoch that lapsed or that a gap precedes; nothing is written while all goes well.
library Gaps {
    using Checkpoints for Checkpoints.Trace208;

    /// @dev A checkpoint's value: epoch (32 bits) ‖ gap ‖ dead in it ‖ dead up to the epoch ‖ feeless up to the
    /// epoch ‖ lapsed.
    struct Entry {
        uint32 epoch;
        uint32 gap;
        uint32 dead;
        uint32 deadTotal;
        uint32 feelessTotal;
        bool lapsed;
    }

    /// @notice Notes that `epoch` finished after `gap` uncertified epochs, the last `dead` of them dead.
    function push(Checkpoints.Trace208 storage trace, uint32 epoch, uint32 gap, uint32 dead, bool lapsed) internal {
        if (gap == 0 && !lapsed) return;
        Entry memory last = _unpack(trace.latest());
        uint32 deadTotal = last.deadTotal + dead;
        uint32 feelessTotal = last.feelessTotal + gap + (lapsed ? 1 : 0);
        trace.push(epoch, _pack(Entry(epoch, gap, dead, deadTotal, feelessTotal, lapsed)));
    }

    /// @notice Dead and feeless epochs from 1 to `epoch` (inclusive), which is finished.
    function through(
        Checkpoints.Trace208 storage trace,
        uint32 epoch
    ) internal view returns (uint32 dead, uint32 feeless) {
        uint208 value = trace.lowerLookup(epoch);
        if (value == 0) {
            Entry memory last = _unpack(trace.latest());
            return (last.deadTotal, last.feelessTotal);
        }
        Entry memory entry = _unpack(value);
        (dead, feeless) = (entry.deadTotal, entry.feelessTotal);
        if (epoch < entry.epoch) {
            // The dead are the last of the gap; all of the gap and the entry's own epoch may lie behind.
            uint32 behind = entry.epoch - 1 - epoch;
            dead -= behind < entry.dead ? behind : entry.dead;
            feeless -= (behind < entry.gap ? behind : entry.gap) + (entry.lapsed ? 1 : 0);
        }
    }

    /// @notice The same for epochs `from` to `to` (exclusive).
    function between(
        Checkpoints.Trace208 storage trace,
        uint32 from,
        uint32 to
    ) internal view returns (uint32 dead, uint32 feeless) {
        if (from >= to || trace.length() == 0) return (0, 0);
        (dead, feeless) = through(trace, to - 1);
        if (from > 1) {
            (uint32 deadBefore, uint32 feelessBefore) = through(trace, from - 1);
            dead -= deadBefore;
            feeless -= feelessBefore;
        }
    }

    function _pack(Entry memory entry) private pure returns (uint208) {
        return
            (uint208(entry.epoch) << 161) |
            (uint208(entry.gap) << 129) |
            (uint208(entry.dead) << 97) |
            (uint208(entry.deadTotal) << 65) |
            (uint208(entry.feelessTotal) << 33) |
            (entry.lapsed ? 1 : 0);
    }

    function _unpack(uint208 value) private pure returns (Entry memory) {
        return
            Entry({
                epoch: uint32(value >> 161),
                gap: uint32(value >> 129),
                dead: uint32(value >> 97),
                deadTotal: uint32(value >> 65),
                feelessTotal: uint32(value >> 33),
                lapsed: value & 1 == 1
            });
    }
}
