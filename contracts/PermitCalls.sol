// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {GroupContract} from "./GroupContract.sol";
import {IPermitCalls} from "./interfaces/IPermitCalls.sol";
import {CloneArguments} from "./libraries/CloneArguments.sol";

/// @title Base of the contracts that pull tokens
/// @notice Documented at `IPermitCalls`.
abstract contract PermitCalls is GroupContract, Multicall, IPermitCalls {
    /// @inheritdoc IPermitCalls
    function permitToken(uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external {
        IERC20 token = _token();
        // solhint-disable-next-line no-empty-blocks
        try IERC20Permit(address(token)).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        uint256 allowance = token.allowance(msg.sender, address(this));
        if (allowance < amount) revert AllowanceTooLow(msg.sender, allowance, amount);
    }

    function _token() internal view returns (IERC20) {
        return IERC20(_address(CloneArguments.TOKEN));
    }
}
