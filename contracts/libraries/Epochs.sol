// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Time of a group
library Epochs {
    /// @notice Epoch of a time; 0 before genesis.
    function epochAt(uint256 time, uint256 genesis, uint256 epochLength) internal pure returns (uint32) {
        return time < genesis ? 0 : uint32((time - genesis) / epochLength);
    }

    /// @notice Unix seconds at which an epoch starts.
    function startOf(uint32 epoch, uint256 genesis, uint256 epochLength) internal pure returns (uint256) {
        return genesis + uint256(epoch) * epochLength;
    }
}
