// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputesErrors, IDisputesTypes} from "../interfaces/IDisputes.sol";
import {MerkleTree} from "./MerkleTree.sol";

/// @title Proof that the bytes of a shard are there
/// @notice Its commitment is in the order, and somebody who has the bytes opened it at a point that was not known
/// before.
library ShardProof {
    uint256 private constant POINT_BYTES = 48;
    /// @dev Input of the precompile: versioned hash ‖ z ‖ y ‖ commitment ‖ proof.
    uint256 private constant INPUT_BYTES = 192;
    uint256 private constant COMMITMENT_AT = 0x60;
    uint256 private constant PROOF_AT = 0x90;
    uint256 private constant SHA256 = 0x02;
    uint256 private constant POINT_EVALUATION = 0x0a;
    /// @dev What the precompile returns when it accepts: elements of a blob, and the field's modulus.
    uint256 private constant FIELD_ELEMENTS = 4096;
    uint256 private constant MODULUS = 52435875175126190479447740508185965837690552500527637822603658699938581184513;
    /// @dev First byte of a versioned hash.
    uint256 private constant HASH_VERSION = 0x01;

    /// @notice Reverts unless the answer opens its shard at `z`. The caller checks that the order is the one with
    /// `orderId`, and that slot and stripe are inside it.
    /// @return versionedHash Name of the shard as a blob (EIP-4844).
    function check(
        IDisputesTypes.ShardAnswer calldata answer,
        bytes32 orderId,
        uint256 z
    ) internal view returns (bytes32 versionedHash) {
        (bytes calldata commitment, bytes calldata proof) = (answer.commitment, answer.proof);
        if (commitment.length != POINT_BYTES || proof.length != POINT_BYTES) {
            revert IDisputesErrors.AnswerLength(commitment.length, proof.length);
        }
        bytes32 root = rootOf(answer);
        if (root != answer.order.shardRoot) revert IDisputesErrors.CommitmentWrong(root, answer.order.shardRoot);
        bytes32 y = answer.y;
        uint256 input;
        assembly ("memory-safe") {
            input := mload(0x40)
            mstore(0x40, add(input, INPUT_BYTES))
            mstore(add(input, 0x20), z)
            mstore(add(input, 0x40), y)
            calldatacopy(add(input, COMMITMENT_AT), commitment.offset, POINT_BYTES)
            calldatacopy(add(input, PROOF_AT), proof.offset, POINT_BYTES)
        }
        if (!_opens(input)) revert IDisputesErrors.ProofWrong(orderId, answer.slot, answer.stripe);
        assembly ("memory-safe") {
            versionedHash := mload(input)
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
        bytes memory infinity = new bytes(INPUT_BYTES);
        (infinity[COMMITMENT_AT], infinity[PROOF_AT]) = (0xc0, 0xc0);
        uint256 input;
        assembly ("memory-safe") {
            input := add(infinity, 0x20)
        }
        if (!_opens(input)) revert IDisputesErrors.PrecompileMissing();
    }

    /// @dev A call to a precompile that is not there succeeds and returns nothing.
    /// @param input Where the precompile's input lies in memory; its first word is written here.
    function _opens(uint256 input) private view returns (bool accepted) {
        bool complete;
        uint256 elements;
        uint256 modulus;
        assembly ("memory-safe") {
            pop(staticcall(gas(), SHA256, add(input, COMMITMENT_AT), POINT_BYTES, input, 0x20))
            mstore8(input, HASH_VERSION)
            accepted := staticcall(gas(), POINT_EVALUATION, input, INPUT_BYTES, 0x00, 0x40)
            complete := eq(returndatasize(), 0x40)
            elements := mload(0x00)
            modulus := mload(0x20)
        }
        if (!accepted) return false;
        if (!complete || elements != FIELD_ELEMENTS || modulus != MODULUS) revert IDisputesErrors.PrecompileMissing();
    }
}
