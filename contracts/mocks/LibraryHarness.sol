// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {IAllowancesTypes} from "../interfaces/IAllowances.sol";
import {IChallengeSettlementTypes} from "../interfaces/IChallengeSettlement.sol";
import {IDisputesTypes} from "../interfaces/IDisputes.sol";
import {Order} from "../interfaces/IStorageOrders.sol";
import {AllowanceHash} from "../libraries/AllowanceHash.sol";
import {Bits} from "../libraries/Bits.sol";
import {CertificateCheck} from "../libraries/CertificateCheck.sol";
import {CallCost} from "../libraries/CallCost.sol";
import {CompactSignatures} from "../libraries/CompactSignatures.sol";
import {Draws} from "../libraries/Draws.sol";
import {Gaps} from "../libraries/Gaps.sol";
import {MerkleRange} from "../libraries/MerkleRange.sol";
import {MerkleTree} from "../libraries/MerkleTree.sol";
import {OrderHash} from "../libraries/OrderHash.sol";
import {Payments} from "../libraries/Payments.sol";
import {ShardProof} from "../libraries/ShardProof.sol";
import {Waterfall} from "../libraries/Waterfall.sol";

/// @title Libraries made callable
/// @notice For tests against golden vectors and models.
contract LibraryHarness {
    using Bits for mapping(uint256 index => uint256 word);
    using Gaps for Checkpoints.Trace208;

    mapping(uint256 index => uint256 word) private _words;
    Checkpoints.Trace208 private _gaps;

    // ------------------------------------------------------------------------------------------------------ Merkle

    /// @notice Root over the shards of one slot.
    function slotRoot(bytes[] calldata commitments) public pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](commitments.length);
        for (uint32 i = 0; i < commitments.length; ++i) {
            hashes[i] = MerkleTree.leaf(MerkleTree.SHARD_TAG, i, commitments[i]);
        }
        return MerkleTree.rootOf(hashes);
    }

    /// @notice Root over the slots of an order.
    function shardRoot(bytes32[] calldata slotRoots) external pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](slotRoots.length);
        for (uint32 i = 0; i < slotRoots.length; ++i) {
            hashes[i] = MerkleTree.leaf(MerkleTree.SLOT_TAG, i, abi.encodePacked(slotRoots[i]));
        }
        return MerkleTree.rootOf(hashes);
    }

    /// @notice Root that a shard's two paths lead to.
    function rootOfShard(
        bytes calldata commitment,
        uint32 stripe,
        bytes32[] calldata stripePath,
        uint32 slot,
        bytes32[] calldata slotPath
    ) external pure returns (bytes32) {
        bytes32 shard = MerkleTree.leaf(MerkleTree.SHARD_TAG, stripe, commitment);
        bytes32 root = MerkleTree.rootFrom(shard, stripe, stripePath);
        return MerkleTree.rootFrom(MerkleTree.leaf(MerkleTree.SLOT_TAG, slot, abi.encodePacked(root)), slot, slotPath);
    }

    function exceptionLeaf(
        uint32 index,
        IChallengeSettlementTypes.ExceptionLeaf calldata leaf
    ) external pure returns (bytes32) {
        return MerkleTree.leaf(MerkleTree.EXCEPTION_TAG, index, abi.encodePacked(leaf.kind, leaf.provider, leaf.data));
    }

    function rangeRoot(
        bytes32[] calldata hashes,
        uint256 from,
        uint256 leaves,
        bytes32[] calldata proof
    ) external pure returns (bytes32) {
        return MerkleRange.rootFrom(hashes, from, leaves, proof);
    }

    // ---------------------------------------------------------------------------------------------------- disputes

    function recordDraw(bytes32 epochDraw, uint32 providerId, uint32 part) external pure returns (bytes32) {
        return Draws.ofRecord(epochDraw, providerId, part);
    }

    function drawnShards(
        bytes32 draw,
        IDisputesTypes.KeptEntry[] calldata entries
    ) external pure returns (IDisputesTypes.DrawnShard[] memory) {
        return Draws.shards(draw, entries);
    }

    /// @notice As the contract at this address draws it.
    function appealPoint(bytes32 draw, bytes32 orderId_, uint8 slot, uint32 stripe) external view returns (uint256) {
        return Draws.point(draw, orderId_, slot, stripe);
    }

    /// @notice Reverts unless the answer opens its shard at `z`.
    function checkAnswer(IDisputesTypes.ShardAnswer calldata answer, bytes32 orderId_, uint256 z) external view {
        ShardProof.check(answer, orderId_, z);
    }

    function waterfall(
        uint256 collateral,
        uint256 settled,
        uint256 bonus,
        bool challenged
    ) external pure returns (Waterfall.Shares memory) {
        return Waterfall.split(collateral, settled, bonus, challenged);
    }

    /// @notice Gas that the call itself took before it ran, beyond a transaction's own.
    function intrinsicGas(bytes calldata) external pure returns (uint256) {
        return CallCost.intrinsicGas();
    }

    // ----------------------------------------------------------------------------------------------------- EIP-712

    function orderId(Order calldata order) external pure returns (bytes32) {
        return OrderHash.id(order);
    }

    function commitHash(
        IChallengeSettlementTypes.Certificate calldata certificate,
        address group
    ) external pure returns (bytes32) {
        return CertificateCheck.structHash(certificate, group);
    }

    function agentHash(
        address payer,
        address agent,
        uint128 budget,
        uint64 expiresAt,
        uint256 nonce,
        uint64 deadline
    ) external pure returns (bytes32) {
        return AllowanceHash.ofAgent(payer, agent, budget, expiresAt, nonce, deadline);
    }

    function renewalHash(
        address payer,
        bytes32 orderId_,
        uint128 maxPrice,
        uint32 epochs,
        uint16 times,
        uint256 nonce,
        uint64 deadline
    ) external pure returns (bytes32) {
        return AllowanceHash.ofRenewal(payer, orderId_, maxPrice, epochs, times, nonce, deadline);
    }

    function voucherHash(IAllowancesTypes.Voucher calldata voucher) external pure returns (bytes32) {
        return AllowanceHash.ofVoucher(voucher);
    }

    function typedDigest(
        string calldata name,
        uint256 chainId,
        address verifyingContract,
        bytes32 structHash
    ) external pure returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256("1"),
                chainId,
                verifyingContract
            )
        );
        return MessageHashUtils.toTypedDataHash(domain, structHash);
    }

    function recover(bytes32 digest, bytes calldata signatures, uint256 index) external view returns (address) {
        return CompactSignatures.recover(digest, signatures, index);
    }

    // ---------------------------------------------------------------------------------------------------- payments

    function pay(
        uint256 rate,
        uint256 slots,
        uint256 epochs
    ) external pure returns (uint256 provider, uint256 keepers, uint256 treasury) {
        return (
            Payments.providerPay(rate, epochs),
            Payments.keeperPay(rate, slots, epochs),
            Payments.treasuryPay(rate, slots, epochs)
        );
    }

    function keeperShare(
        uint256 pool,
        uint256 served,
        uint256 earning,
        uint256 members
    ) external pure returns (uint256) {
        return Payments.keeperShare(pool, served, earning, members);
    }

    // ------------------------------------------------------------------------------------------------ bits and gaps

    function setWord(uint256 index, uint256 word) external {
        _words[index] = word;
    }

    function countRange(uint256 from, uint256 to) external view returns (uint256) {
        return _words.countRange(from, to);
    }

    function countBits(uint256 word) external pure returns (uint256) {
        return Bits.count(word);
    }

    function pushGap(uint32 epoch, uint32 gap, uint32 dead, bool lapsed) external {
        _gaps.push(epoch, gap, dead, lapsed);
    }

    function gapsBetween(uint32 from, uint32 to) external view returns (uint32 dead, uint32 feeless) {
        return _gaps.between(from, to);
    }
}
