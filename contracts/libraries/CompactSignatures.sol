// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Signatures of 64 bytes in a row (EIP-2098)
library CompactSignatures {
    uint256 internal constant BYTES = 64;

    /// @dev Half of the curve's order: a larger s is the malleable twin of another signature.
    uint256 private constant S_MAX = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @notice Signer of the signature at place `index`, or 0. The caller checks that there are that many.
    function recover(bytes32 digest, bytes calldata signatures, uint256 index) internal view returns (address signer) {
        assembly ("memory-safe") {
            let offset := add(signatures.offset, shl(6, index))
            let vs := calldataload(add(offset, 0x20))
            let s := shr(1, shl(1, vs))
            if iszero(gt(s, S_MAX)) {
                let pointer := mload(0x40)
                mstore(pointer, digest)
                mstore(add(pointer, 0x20), add(27, shr(255, vs)))
                mstore(add(pointer, 0x40), calldataload(offset))
                mstore(add(pointer, 0x60), s)
                mstore(0x00, 0)
                // The precompile returns nothing for a signature that is none.
                pop(staticcall(gas(), 0x01, pointer, 0x80, 0x00, 0x20))
                signer := mload(0x00)
            }
        }
    }
}
