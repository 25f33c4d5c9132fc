// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputesErrors, IDisputesTypes} from "../interfaces/IDisputes.sol";

/// @title What an appeal or a direct challenge has to open, and where
/// @notice Nobody knows a draw before it counts, and nobody can pick it. The same code is in `protocol/disputes`;
/// both read `test/vectors/appeals.json`.
library Draws {
    /// @dev Shards that an appeal has to open, unless the record has fewer.
    uint256 private constant SHARDS = 4;
    bytes32 private constant POINT_TAG = keccak256("memo/appeal/v1");

    /// @notice What the records of an epoch are drawn from: the hashes of the certificate's block and the next one, or
    /// of the two blocks before this one when those are out of reach.
    function ofEpoch(uint256 certifiedAtBlock, bytes32 exceptionsRoot) internal view returns (bytes32) {
        uint256 first = certifiedAtBlock;
        if (block.number < first + 2) revert IDisputesErrors.DrawNotReady(block.number, first + 2);
        if (blockhash(first) == 0) first = block.number - 2;
        return keccak256(abi.encode(blockhash(first), blockhash(first + 1), exceptionsRoot));
    }

    function ofRecord(bytes32 epochDraw, uint32 providerId, uint32 part) internal pure returns (bytes32) {
        return keccak256(abi.encode(epochDraw, providerId, part));
    }

    function ofChallenge(uint64 id) internal view returns (bytes32) {
        return keccak256(abi.encode(block.prevrandao, blockhash(block.number - 1), id));
    }

    /// @notice Different places of `count` (at most 256) entries, in drawing order.
    function indexes(bytes32 draw, uint256 count) internal pure returns (uint256[] memory drawn) {
        drawn = new uint256[](count < SHARDS ? count : SHARDS);
        uint256 seen = 0;
        uint256 found = 0;
        for (uint32 i = 0; found < drawn.length; ++i) {
            uint256 index = uint256(keccak256(abi.encode(draw, i))) % count;
            if ((seen >> index) & 1 == 1) continue;
            seen |= uint256(1) << index;
            drawn[found++] = index;
        }
    }

    /// @notice What an appeal has to open: the named shards of some entries and, if there are too few, others of their
    /// slots.
    function shards(
        bytes32 draw,
        IDisputesTypes.KeptEntry[] calldata entries
    ) internal pure returns (IDisputesTypes.DrawnShard[] memory drawn) {
        uint256 count = entries.length;
        uint256 total = 0;
        for (uint256 i = 0; i < count && total < SHARDS; ++i) total += entries[i].stripes;
        drawn = new IDisputesTypes.DrawnShard[](total < SHARDS ? total : SHARDS);
        uint256[] memory named = indexes(draw, count);
        uint256 found = named.length;
        for (uint256 i = 0; i < found; ++i) {
            drawn[i] = IDisputesTypes.DrawnShard(uint8(named[i]), entries[named[i]].stripe);
        }
        for (uint32 i = 0; found < drawn.length; ++i) {
            uint256 hash = uint256(keccak256(abi.encode(draw, "more", i)));
            uint256 index = hash % count;
            uint32 stripe = uint32((hash >> 128) % entries[index].stripes);
            if (!_has(drawn, found, index, stripe)) drawn[found++] = IDisputesTypes.DrawnShard(uint8(index), stripe);
        }
    }

    /// @notice Point at which a shard is opened; below the field's modulus.
    function point(bytes32 draw, bytes32 orderId, uint8 slot, uint32 stripe) internal view returns (uint256) {
        return
            uint256(
                keccak256(abi.encode(POINT_TAG, block.chainid, address(this), draw, orderId, uint32(slot), stripe))
            ) >> 8;
    }

    function _has(
        IDisputesTypes.DrawnShard[] memory drawn,
        uint256 found,
        uint256 index,
        uint32 stripe
    ) private pure returns (bool) {
        for (uint256 i = 0; i < found; ++i) {
            if (drawn[i].index == index && drawn[i].stripe == stripe) return true;
        }
        return false;
    }
}
