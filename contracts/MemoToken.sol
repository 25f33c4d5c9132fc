// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IMemoToken} from "./interfaces/IMemoToken.sol";

/// @title Token for tests and testnets
contract MemoToken is ERC20Permit, IMemoToken {
    /// @param supply Token wei, all of it for the deployer.
    constructor(uint256 supply) ERC20("Memo", "MEMO") ERC20Permit("Memo") {
        _mint(msg.sender, supply);
    }

    /// @inheritdoc IERC20Permit
    function nonces(address owner) public view override(ERC20Permit, IERC20Permit) returns (uint256) {
        return super.nonces(owner);
    }
}
