// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title Wallet that signs by remembering digests
/// @notice For tests of ERC-1271.
contract ContractWallet is IERC1271 {
    mapping(bytes32 digest => bool approved) private _approved;

    function approveDigest(bytes32 digest) external {
        _approved[digest] = true;
    }

    function approveToken(IERC20 token, address spender) external {
        token.approve(spender, type(uint256).max);
    }

    /// @inheritdoc IERC1271
    function isValidSignature(bytes32 digest, bytes calldata) external view returns (bytes4) {
        return _approved[digest] ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }
}
