// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

/// @title Token for tests and testnets
/// @notice ERC-20 with permit. The whole supply goes to the deployer; nobody can mint afterwards.
// solhint-disable-next-line no-empty-blocks
interface IMemoToken is IERC20, IERC20Permit {}
