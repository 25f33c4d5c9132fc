// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleTree} from "./MerkleTree.sol";

/// @title Proof of consecutive leaves
library MerkleRange {
    /// @notice The proof has too few or too many elements.
    error RangeProofLength(uint256 length, uint256 used);

    /// @notice Root from the leaf hashes of places `from` to from + hashes.length of a tree with `leaves` leaves.
    /// @dev Bottom-up; at each level an odd start takes the next element as its left sibling, then an odd end takes
    /// the next one as its right sibling. `hashes` is used up. The caller checks that the range is not empty and
    /// inside.
    function rootFrom(
        bytes32[] memory hashes,
        uint256 from,
        uint256 leaves,
        bytes32[] calldata proof
    ) internal pure returns (bytes32) {
        uint256 used = 0;
        uint256 to = from + hashes.length;
        for (uint256 level = MerkleTree.depthOf(leaves); level > 0; --level) {
            uint256 out = 0;
            uint256 read = 0;
            uint256 width = to - from;
            if (from & 1 == 1) {
                if (used == proof.length) revert RangeProofLength(proof.length, used + 1);
                hashes[0] = MerkleTree.node(proof[used++], hashes[0]);
                (out, read) = (1, 1);
            }
            for (; read + 1 < width; read += 2) {
                hashes[out++] = MerkleTree.node(hashes[read], hashes[read + 1]);
            }
            if (read < width) {
                if (used == proof.length) revert RangeProofLength(proof.length, used + 1);
                hashes[out] = MerkleTree.node(hashes[read], proof[used++]);
            }
            (from, to) = (from >> 1, (to + 1) >> 1);
        }
        if (used != proof.length) revert RangeProofLength(proof.length, used);
        return hashes[0];
    }
}
