// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

interface IPermitCallsErrors {
    /// @notice Neither the permit nor what was approved before lets this contract pull so much.
    error AllowanceTooLow(address owner, uint256 allowance, uint256 required);
}

/// @title Permit in the same transaction as what needs it
/// @notice Contracts with this also have OpenZeppelin's `multicall(bytes[] data)`, which makes several calls as the
/// caller, all or none.
interface IPermitCalls is IPermitCallsErrors {
    /// @notice Lets this contract pull `amount` of the group's token from the caller, by its EIP-2612 signature. Meant
    /// for `multicall`, before what pulls.
    /// @dev Anyone may have handed in the permit first: it is tried, and what counts is the allowance afterwards. So a
    /// token without permit, approved before, passes too.
    /// @param deadline Unix seconds until which the permit is good.
    function permitToken(uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;
}
