// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Bitmaps of 256 epochs per word
library Bits {
    /// @notice Number of set bits.
    function count(uint256 word) internal pure returns (uint256) {
        unchecked {
            uint256 pairs = type(uint256).max / 3; // 0x55…
            uint256 quads = type(uint256).max / 5; // 0x33…
            uint256 nibbles = type(uint256).max / 17; // 0x0f…
            word -= (word >> 1) & pairs;
            word = (word & quads) + ((word >> 2) & quads);
            word = (word + (word >> 4)) & nibbles;
            // Sums of bytes reach 256, which a byte cannot hold: add up 16-bit lanes instead.
            uint256 lanes = (type(uint256).max / 0xffff) * 0xff; // 0x00ff…
            word = (word & lanes) + ((word >> 8) & lanes);
            return (word * (type(uint256).max / 0xffff)) >> 240;
        }
    }

    /// @notice Set bits of epochs `from` to `to` (exclusive).
    function countRange(
        mapping(uint256 index => uint256 word) storage words,
        uint256 from,
        uint256 to
    ) internal view returns (uint256 total) {
        if (from >= to) return 0;
        unchecked {
            uint256 last = (to - 1) >> 8;
            for (uint256 index = from >> 8; index <= last; ++index) {
                uint256 word = words[index];
                if (word == 0) continue;
                if (index == from >> 8) word &= type(uint256).max << (from & 0xff);
                if (index == last) word &= type(uint256).max >> (255 - ((to - 1) & 0xff));
                if (word != 0) total += count(word);
            }
        }
    }

    function get(mapping(uint256 index => uint256 word) storage words, uint256 epoch) internal view returns (bool) {
        return (words[epoch >> 8] >> (epoch & 0xff)) & 1 == 1;
    }
}
