// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {CompactSignatures} from "./CompactSignatures.sol";

/// @title Signatures of those who pay, which may be contracts
library PayerSignature {
    uint256 private constant LONG_BYTES = 65;

    /// @notice ECDSA (65 bytes, or 64 as in EIP-2098) first, since accounts may have code and a key (EIP-7702), then
    /// ERC-1271.
    function isValid(address signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        address recovered = address(0);
        if (signature.length == CompactSignatures.BYTES) recovered = CompactSignatures.recover(digest, signature, 0);
        else if (signature.length == LONG_BYTES) (recovered, , ) = ECDSA.tryRecoverCalldata(digest, signature);
        // A failed recovery gives the zero address, which is nobody.
        if (recovered == signer && signer != address(0)) return true;
        return SignatureChecker.isValidERC1271SignatureNowCalldata(signer, digest, signature);
    }
}
