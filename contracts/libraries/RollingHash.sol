// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Events that are chained
/// @notice Writes a log and folds it into a hash, both from the same bytes, so that the two cannot differ.
library RollingHash {
    struct Chain {
        bytes32 head;
    }

    function log(Chain storage chain, bytes32 topic0, bytes memory data) internal {
        bytes32 record;
        assembly ("memory-safe") {
            log1(add(data, 0x20), mload(data), topic0)
            let pointer := mload(0x40)
            mstore(pointer, topic0)
            mcopy(add(pointer, 0x20), add(data, 0x20), mload(data))
            record := keccak256(pointer, add(0x20, mload(data)))
        }
        _fold(chain, record);
    }

    function log(Chain storage chain, bytes32 topic0, bytes32 topic1, bytes memory data) internal {
        bytes32 record;
        assembly ("memory-safe") {
            log2(add(data, 0x20), mload(data), topic0, topic1)
            let pointer := mload(0x40)
            mstore(pointer, topic0)
            mstore(add(pointer, 0x20), topic1)
            mcopy(add(pointer, 0x40), add(data, 0x20), mload(data))
            record := keccak256(pointer, add(0x40, mload(data)))
        }
        _fold(chain, record);
    }

    function log(Chain storage chain, bytes32 topic0, bytes32 topic1, bytes32 topic2, bytes memory data) internal {
        bytes32 record;
        assembly ("memory-safe") {
            log3(add(data, 0x20), mload(data), topic0, topic1, topic2)
            let pointer := mload(0x40)
            mstore(pointer, topic0)
            mstore(add(pointer, 0x20), topic1)
            mstore(add(pointer, 0x40), topic2)
            mcopy(add(pointer, 0x60), add(data, 0x20), mload(data))
            record := keccak256(pointer, add(0x60, mload(data)))
        }
        _fold(chain, record);
    }

    function log(
        Chain storage chain,
        bytes32 topic0,
        bytes32 topic1,
        bytes32 topic2,
        bytes32 topic3,
        bytes memory data
    ) internal {
        bytes32 record;
        assembly ("memory-safe") {
            log4(add(data, 0x20), mload(data), topic0, topic1, topic2, topic3)
            let pointer := mload(0x40)
            mstore(pointer, topic0)
            mstore(add(pointer, 0x20), topic1)
            mstore(add(pointer, 0x40), topic2)
            mstore(add(pointer, 0x60), topic3)
            mcopy(add(pointer, 0x80), add(data, 0x20), mload(data))
            record := keccak256(pointer, add(0x80, mload(data)))
        }
        _fold(chain, record);
    }

    /// @dev h' = keccak256(h ‖ keccak256(topics ‖ data)).
    function _fold(Chain storage chain, bytes32 record) private {
        bytes32 head = chain.head;
        assembly ("memory-safe") {
            mstore(0x00, head)
            mstore(0x20, record)
            head := keccak256(0x00, 0x40)
        }
        chain.head = head;
    }
}
