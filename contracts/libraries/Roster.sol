// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Roster held as the code of an address
/// @notice Reading 32 members from code costs one cold account instead of 32 storage slots.
library Roster {
    error RosterCreationFailed();

    /// @dev Per member: keeper id (4 bytes), operator (20 bytes).
    uint256 private constant MEMBER_BYTES = 24;

    /// @notice Creates the code. It starts with STOP, so that a call to it does nothing.
    function write(uint32[] memory keeperIds, address[] memory operators) internal returns (address pointer) {
        bytes memory data;
        for (uint256 i = 0; i < keeperIds.length; ++i) {
            data = bytes.concat(data, abi.encodePacked(keeperIds[i], operators[i]));
        }
        // PUSH2 size, DUP1, PUSH1 10, RETURNDATASIZE, CODECOPY, RETURNDATASIZE, RETURN
        bytes memory code = abi.encodePacked(hex"61", uint16(data.length + 1), hex"80600a3d393df300", data);
        assembly ("memory-safe") {
            pointer := create(0, add(code, 0x20), mload(code))
        }
        if (pointer == address(0)) revert RosterCreationFailed();
    }

    /// @notice The members as they are held; read them with `operatorAt` and `keeperAt`.
    function read(address pointer) internal view returns (bytes memory members) {
        if (pointer == address(0)) return members;
        uint256 length = pointer.code.length - 1;
        members = new bytes(length);
        assembly ("memory-safe") {
            extcodecopy(pointer, add(members, 0x20), 1, length)
        }
    }

    function size(bytes memory members) internal pure returns (uint256) {
        return members.length / MEMBER_BYTES;
    }

    /// @dev The caller checks that `index` is below `size`.
    function operatorAt(bytes memory members, uint256 index) internal pure returns (address operator) {
        assembly ("memory-safe") {
            operator := shr(96, mload(add(members, add(0x24, mul(index, MEMBER_BYTES)))))
        }
    }

    /// @dev The caller checks that `index` is below `size`.
    function keeperAt(bytes memory members, uint256 index) internal pure returns (uint32 keeperId) {
        assembly ("memory-safe") {
            keeperId := shr(224, mload(add(members, add(0x20, mul(index, MEMBER_BYTES)))))
        }
    }

    /// @notice The keeper's place as a bitmap; 0 when it is not on the roster.
    function bitOf(bytes memory members, uint32 keeperId) internal pure returns (uint32) {
        uint256 count = size(members);
        for (uint256 i = 0; i < count; ++i) {
            if (keeperAt(members, i) == keeperId) return uint32(1 << i);
        }
        return 0;
    }

    /// @notice Votes that `members` need: ⌊2n/3⌋ + 1.
    function quorumOf(uint256 members) internal pure returns (uint256) {
        return (2 * members) / 3 + 1;
    }

    function operatorsOf(bytes memory members) internal pure returns (address[] memory operators) {
        operators = new address[](size(members));
        for (uint256 i = 0; i < operators.length; ++i) operators[i] = operatorAt(members, i);
    }

    function keepersOf(bytes memory members) internal pure returns (uint32[] memory keeperIds) {
        keeperIds = new uint32[](size(members));
        for (uint256 i = 0; i < keeperIds.length; ++i) keeperIds[i] = keeperAt(members, i);
    }
}
