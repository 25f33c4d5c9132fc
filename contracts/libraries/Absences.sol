// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Counters of absences
/// @notice 16 bits for each of 32 members, sixteen to a word; a word is written only when one of its members was
/// absent.
library Absences {
    uint256 private constant COUNTER_BITS = 16;

    /// @notice Adds one for every member of the bitmap.
    function count(mapping(uint256 word => uint256 counters) storage words, uint32 absent) internal {
        for (uint256 word = 0; word < 2; ++word) {
            uint256 half = (absent >> (16 * word)) & 0xffff;
            if (half == 0) continue;
            uint256 added = 0;
            while (half != 0) {
                // The lowest bit, 2^i, stands for the counter at bit 16i, which is 240 at most.
                unchecked {
                    uint256 lowest = half & (~half + 1);
                    added |= lowest ** COUNTER_BITS;
                    half ^= lowest;
                }
            }
            // A term has at most 65,535 epochs, so that no counter overflows into the next.
            words[word] += added;
        }
    }

    function read(
        mapping(uint256 word => uint256 counters) storage words,
        uint256 members
    ) internal view returns (uint32[] memory absences) {
        absences = new uint32[](members);
        for (uint256 i = 0; i < members; ++i) {
            absences[i] = uint16(words[i >> 4] >> (COUNTER_BITS * (i & 15)));
        }
    }
}
