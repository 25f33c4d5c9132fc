// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputesTypes} from "../../../contracts/interfaces/IDisputes.sol";
import {Order} from "../../../contracts/interfaces/IStorageOrders.sol";
import {MerkleTree} from "../../../contracts/libraries/MerkleTree.sol";

/// @notice Orders whose every shard is zero: the commitment is the point at infinity, and so is every proof, so that
/// they can be opened without the ceremony.
library ZeroShards {
    function infinity() internal pure returns (bytes memory point) {
        point = new bytes(48);
        point[0] = 0xc0;
    }

    function rootOf(uint32 stripes, uint256 slots) internal pure returns (bytes32) {
        return MerkleTree.rootOf(_slots(stripes, slots));
    }

    function answer(
        Order memory order,
        uint8 slot,
        uint32 stripe
    ) internal pure returns (IDisputesTypes.ShardAnswer memory) {
        return
            IDisputesTypes.ShardAnswer({
                order: order,
                slot: slot,
                stripe: stripe,
                commitment: infinity(),
                stripePath: _path(_shards(order.stripes), stripe),
                slotPath: _path(_slots(order.stripes, order.providers.length), slot),
                y: 0,
                proof: infinity()
            });
    }

    function _shards(uint32 stripes) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](stripes);
        for (uint32 i = 0; i < stripes; ++i) leaves[i] = MerkleTree.leaf(MerkleTree.SHARD_TAG, i, infinity());
    }

    function _slots(uint32 stripes, uint256 slots) private pure returns (bytes32[] memory leaves) {
        bytes memory slotRoot = abi.encodePacked(MerkleTree.rootOf(_shards(stripes)));
        leaves = new bytes32[](slots);
        for (uint32 i = 0; i < slots; ++i) leaves[i] = MerkleTree.leaf(MerkleTree.SLOT_TAG, i, slotRoot);
    }

    /// Siblings of a leaf, bottom-up; `nodes` is used up.
    function _path(bytes32[] memory nodes, uint256 index) private pure returns (bytes32[] memory siblings) {
        siblings = new bytes32[](MerkleTree.depthOf(nodes.length));
        bytes32 pad = MerkleTree.EMPTY;
        uint256 width = nodes.length;
        for (uint256 level = 0; level < siblings.length; ++level) {
            siblings[level] = (index ^ 1) < width ? nodes[index ^ 1] : pad;
            for (uint256 i = 0; i < width; i += 2) {
                nodes[i / 2] = MerkleTree.node(nodes[i], i + 1 < width ? nodes[i + 1] : pad);
            }
            (pad, width, index) = (MerkleTree.node(pad, pad), (width + 1) / 2, index / 2);
        }
    }
}
