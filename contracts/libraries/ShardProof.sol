// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputesErrors, IDisputesTypes} from "../interfaces/IDisputes.sol";
import {MerkleTree} from "./MerkleTree.sol";

/// @title Proof that the bytes of a shard are there
/// @notice Its commitment is in the order, and somebody who has the bytes opened it at a point that was not known
/// before.
library ShardProof {
    uint256 private constant POINT_BYTES = 48;
    address private constant POINT_EVALUATION = address(0x0a);
    /// @dev What the precompile returns when it accepts: elements of a blob, and the field's modulus.
    uint256 private constant FIELD_ELEMENTS = 4096;
    uint256 private constant MODULUS = 52435875175126190479447740508185965837690552500527637822603658699938581184513;
    bytes1 private constant HASH_VERSION = 0x01;

    /// @notice Reverts unless the answer opens its shard at `z`. The caller checks that the order is the one with
    /// `orderId`, and that slot and stripe are inside it.
    function check(IDisputesTypes.ShardAnswer calldata answer, bytes32 orderId, uint256 z) internal view {
        if (answer.commitment.length != POINT_BYTES || answer.proof.length != POINT_BYTES) {
            revert IDisputesErrors.AnswerLength(answer.commitment.length, answer.proof.length);
        }
        bytes32 root = rootOf(answer);
        if (root != answer.order.shardRoot) revert IDisputesErrors.CommitmentWrong(root, answer.order.shardRoot);
        if (!_opens(answer.commitment, z, answer.y, answer.proof)) {
            revert IDisputesErrors.ProofWrong(orderId, answer.slot, answer.stripe);
        }
    }

    /// @notice Root that the answer's paths lead to; 0 when a path has another length than the order's trees.
    function rootOf(IDisputesTypes.ShardAnswer calldata answer) internal pure returns (bytes32) {
        bool sound =
            answer.stripePath.length == MerkleTree.depthOf(answer.order.stripes) &&
                answer.slotPath.length == MerkleTree.depthOf(answer.order.providers.length);
        if (!sound) return 0;
        bytes32 shard = MerkleTree.leaf(MerkleTree.SHARD_TAG, answer.stripe, answer.commitment);
        bytes32 slotRoot = MerkleTree.rootFrom(shard, answer.stripe, answer.stripePath);
        bytes32 slot = MerkleTree.leaf(MerkleTree.SLOT_TAG, answer.slot, abi.encodePacked(slotRoot));
        return MerkleTree.rootFrom(slot, answer.slot, answer.slotPath);
    }

    /// @notice Reverts on a chain without the precompile: there nobody accused could ever defend itself.
    function requirePrecompile() internal view {
        // The polynomial 0 has the value 0 everywhere; its commitment and every proof of it are the point at infinity.
        bytes memory infinity = new bytes(POINT_BYTES);
        infinity[0] = 0xc0;
        if (!_opens(infinity, 0, 0, infinity)) revert IDisputesErrors.PrecompileMissing();
    }

    /// @notice Name of the shard as a blob (EIP-4844).
    function versionedHash(bytes memory commitment) internal pure returns (bytes32) {
        return (sha256(commitment) & ~bytes32(bytes1(0xff))) | HASH_VERSION;
    }

    /// @dev A call to a precompile that is not there succeeds and returns nothing.
    function _opens(bytes memory commitment, uint256 z, bytes32 y, bytes memory proof) private view returns (bool) {
        (bool accepted, bytes memory result) = POINT_EVALUATION.staticcall(
            abi.encodePacked(versionedHash(commitment), z, y, commitment, proof)
        );
        if (!accepted) return false;
        if (result.length != 64) revert IDisputesErrors.PrecompileMissing();
        (uint256 elements, uint256 modulus) = abi.decode(result, (uint256, uint256));
        if (elements != FIELD_ELEMENTS || modulus != MODULUS) revert IDisputesErrors.PrecompileMissing();
        return true;
    }
}
