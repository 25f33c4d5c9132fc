// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @title Deposits that are measured
library Tokens {
    using SafeERC20 for IERC20;

    /// @notice The token moved another amount than asked: fee-on-transfer tokens are refused.
    error TokenAmountMismatch(uint256 received, uint256 expected);

    /// @notice Pulls exactly `amount` from `from`, who has approved this contract.
    function pull(IERC20 token, address from, uint256 amount) internal {
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(from, address(this), amount);
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != amount) revert TokenAmountMismatch(received, amount);
    }
}
