// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputesTypes} from "../interfaces/IDisputes.sol";

/// @title What `Disputes` keeps of things that lie in calldata: their hashes
/// @notice As the compiler would encode them, without its loops. Words are hashed as they are: one with bits outside
/// its type gives a hash that was never recorded.
library DisputeHash {
    uint256 private constant TICKET_BYTES = 14 * 32;
    uint256 private constant KEPT_BYTES = 6 * 32;
    uint256 private constant LOST_BYTES = 3 * 32;

    /// @notice keccak256(abi.encode(ticket)).
    function ofTicket(IDisputesTypes.Ticket calldata ticket) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            calldatacopy(pointer, ticket, TICKET_BYTES)
            hash := keccak256(pointer, TICKET_BYTES)
        }
    }

    /// @notice keccak256(abi.encode(entries)).
    function ofKept(IDisputesTypes.KeptEntry[] calldata entries) internal pure returns (bytes32 hash) {
        uint256 size = entries.length * KEPT_BYTES;
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            mstore(pointer, 0x20)
            mstore(add(pointer, 0x20), entries.length)
            calldatacopy(add(pointer, 0x40), entries.offset, size)
            hash := keccak256(pointer, add(0x40, size))
        }
    }

    /// @notice keccak256(abi.encode(part, entries)).
    function ofLost(uint32 part, IDisputesTypes.LostEntry[] calldata entries) internal pure returns (bytes32 hash) {
        uint256 size = entries.length * LOST_BYTES;
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            mstore(pointer, part)
            mstore(add(pointer, 0x20), 0x40)
            mstore(add(pointer, 0x40), entries.length)
            calldatacopy(add(pointer, 0x60), entries.offset, size)
            hash := keccak256(pointer, add(0x60, size))
        }
    }
}
