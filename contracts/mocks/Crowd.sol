// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IStaking} from "../interfaces/IStaking.sol";

/// @title Owner of very many providers
/// @notice For tests of what a call costs in a large group.
contract Crowd {
    /// @notice Registers `count` providers whose operators are the addresses from `first` on.
    function register(IStaking staking, IERC20 token, uint160 first, uint256 count, uint128 stake) external {
        token.approve(address(staking), type(uint256).max);
        for (uint160 i = 0; i < count; ++i) {
            staking.registerProvider(address(first + i), "/crowd", 0, 1, true, stake);
        }
    }
}
