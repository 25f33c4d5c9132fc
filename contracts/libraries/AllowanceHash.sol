// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAllowancesTypes} from "../interfaces/IAllowances.sol";

/// @title EIP-712 struct hashes of what a payer signs for others
library AllowanceHash {
    bytes32 private constant AGENT_TYPEHASH = keccak256(
        "ApproveAgent(address payer,address agent,uint128 budget,uint64 expiresAt,uint256 nonce,uint64 deadline)"
    );
    bytes32 private constant RENEWAL_TYPEHASH = keccak256(
        "SetRenewal(address payer,bytes32 orderId,uint128 maxPrice,uint32 epochs,uint16 times,uint256 nonce,"
        "uint64 deadline)"
    );
    bytes32 private constant VOUCHER_TYPEHASH = keccak256(
        "Voucher(address payer,uint32 providerId,uint64 channel,uint128 total,uint64 expiresAt)"
    );

    function ofAgent(
        address payer,
        address agent,
        uint128 budget,
        uint64 expiresAt,
        uint256 nonce,
        uint64 deadline
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(AGENT_TYPEHASH, payer, agent, budget, expiresAt, nonce, deadline));
    }

    function ofRenewal(
        address payer,
        bytes32 orderId,
        uint128 maxPrice,
        uint32 epochs,
        uint16 times,
        uint256 nonce,
        uint64 deadline
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(RENEWAL_TYPEHASH, payer, orderId, maxPrice, epochs, times, nonce, deadline));
    }

    function ofVoucher(IAllowancesTypes.Voucher calldata voucher) internal pure returns (bytes32) {
        return keccak256(abi.encode(VOUCHER_TYPEHASH, voucher));
    }
}
