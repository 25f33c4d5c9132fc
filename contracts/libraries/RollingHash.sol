// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Events that are chained
/// @notice Writes a log and folds it into a hash, both from the same bytes, so that the two cannot differ.
library RollingHash {
    struct Chain {
        bytes32 head;
    }

    function log(Chain storage chain, bytes32 topic0, bytes memory data) internal {
        assembly ("memory-safe") {
            log1(add(data, 0x20), mload(data), topic0)
        }
        _fold(chain, abi.encodePacked(topic0, data));
    }

    function log(Chain storage chain, bytes32 topic0, bytes32 topic1, bytes memory data) internal {
        assembly ("memory-safe") {
            log2(add(data, 0x20), mload(data), topic0, topic1)
        }
        _fold(chain, abi.encodePacked(topic0, topic1, data));
    }

    function log(Chain storage chain, bytes32 topic0, bytes32 topic1, bytes32 topic2, bytes memory data) internal {
        assembly ("memory-safe") {
            log3(add(data, 0x20), mload(data), topic0, topic1, topic2)
        }
        _fold(chain, abi.encodePacked(topic0, topic1, topic2, data));
    }

    function log(
        Chain storage chain,
        bytes32 topic0,
        bytes32 topic1,
        bytes32 topic2,
        bytes32 topic3,
        bytes memory data
    ) internal {
        assembly ("memory-safe") {
            log4(add(data, 0x20), mload(data), topic0, topic1, topic2, topic3)
        }
        _fold(chain, abi.encodePacked(topic0, topic1, topic2, topic3, data));
    }

    /// @dev h' = keccak256(h ‖ keccak256(topics ‖ data)).
    function _fold(Chain storage chain, bytes memory record) private {
        bytes32 head = chain.head;
        assembly ("memory-safe") {
            mstore(0x00, head)
            mstore(0x20, keccak256(add(record, 0x20), mload(record)))
            head := keccak256(0x00, 0x40)
        }
        chain.head = head;
    }
}
