// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Merkle trees of the project
/// @notice leaf = keccak256(0x00 ‖ tag ‖ index ‖ payload), node = keccak256(0x01 ‖ left ‖ right), padded to a power
/// of two with keccak256(0x02). The path follows from the index, the depth from the number of leaves. The same code
/// is in `protocol/merkle`; both read `test/vectors/merkle.json`.
library MerkleTree {
    bytes32 internal constant SHARD_TAG = keccak256("memo/shard/v1");
    bytes32 internal constant SLOT_TAG = keccak256("memo/slot/v1");
    bytes32 internal constant RESULT_TAG = keccak256("memo/result/v1");
    bytes32 internal constant EXCEPTION_TAG = keccak256("memo/exception/v1");

    /// @notice Leaf of a padding place, and root of a tree without leaves.
    bytes32 internal constant EMPTY = keccak256(hex"02");

    function leaf(bytes32 tag, uint32 index, bytes memory payload) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            let size := mload(payload)
            mstore8(pointer, 0x00)
            mstore(add(pointer, 0x01), tag)
            mstore(add(pointer, 0x21), shl(224, index))
            mcopy(add(pointer, 0x25), add(payload, 0x20), size)
            hash := keccak256(pointer, add(0x25, size))
        }
    }

    function node(bytes32 left, bytes32 right) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            mstore8(pointer, 0x01)
            mstore(add(pointer, 0x01), left)
            mstore(add(pointer, 0x21), right)
            hash := keccak256(pointer, 0x41)
        }
    }

    /// @notice Levels above the leaves of a tree with `leaves` leaves.
    function depthOf(uint256 leaves) internal pure returns (uint256 depth) {
        while ((uint256(1) << depth) < leaves) ++depth;
    }

    /// @notice Root from a leaf, its index and its siblings, bottom-up.
    function rootFrom(bytes32 hash, uint256 index, bytes32[] calldata siblings) internal pure returns (bytes32) {
        for (uint256 level = 0; level < siblings.length; ++level) {
            hash = (index >> level) & 1 == 1 ? node(siblings[level], hash) : node(hash, siblings[level]);
        }
        return hash;
    }

    /// @notice Root of the tree over `hashes`, which is used up.
    function rootOf(bytes32[] memory hashes) internal pure returns (bytes32) {
        if (hashes.length == 0) return EMPTY;
        bytes32 pad = EMPTY;
        for (uint256 width = hashes.length; width > 1; width = (width + 1) / 2) {
            for (uint256 i = 0; i < width; i += 2) {
                hashes[i / 2] = node(hashes[i], i + 1 < width ? hashes[i + 1] : pad);
            }
            pad = node(pad, pad);
        }
        return hashes[0];
    }
}
