// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRepairsTypes} from "../interfaces/IRepairs.sol";

/// @title Slot that changed hands in one storage word
/// @notice Packed by hand: the compiler would read and write the word once per field. No word is 0: it names a holder
/// or a former holder.
library SlotWord {
    function pack(IRepairsTypes.Slot memory slot) internal pure returns (uint256) {
        return
            uint256(slot.holder) |
            (uint256(slot.since) << 32) |
            (uint256(slot.former) << 64) |
            (uint256(slot.formerSince) << 96) |
            (uint256(slot.until) << 128) |
            (uint256(slot.assignee) << 160) |
            (uint256(slot.deadline) << 192) |
            (uint256(slot.expiries) << 224) |
            (slot.vacant ? 1 << 232 : 0) |
            (slot.voided ? 1 << 233 : 0);
    }

    function unpack(uint256 word) internal pure returns (IRepairsTypes.Slot memory) {
        return
            IRepairsTypes.Slot({
                holder: holderOf(word),
                since: uint32(word >> 32),
                former: formerOf(word),
                formerSince: uint32(word >> 96),
                until: uint32(word >> 128),
                assignee: uint32(word >> 160),
                deadline: uint32(word >> 192),
                expiries: uint8(word >> 224),
                vacant: (word >> 232) & 1 == 1,
                voided: (word >> 233) & 1 == 1
            });
    }

    function holderOf(uint256 word) internal pure returns (uint32) {
        return uint32(word);
    }

    function formerOf(uint256 word) internal pure returns (uint32) {
        return uint32(word >> 64);
    }
}
