// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title Token that misbehaves as told
/// @notice For tests: takes a fee of each transfer, or returns false instead of moving anything.
contract WeirdToken is ERC20 {
    uint256 private constant FEE = 1;

    bool private immutable TAKES_FEE;
    bool private immutable RETURNS_FALSE;

    constructor(bool takesFee, bool returnsFalse) ERC20("Weird", "WEIRD") {
        (TAKES_FEE, RETURNS_FALSE) = (takesFee, returnsFalse);
        _mint(msg.sender, 1e27);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (RETURNS_FALSE) return false;
        bool moved = super.transferFrom(from, to, amount);
        if (TAKES_FEE) _burn(to, FEE);
        return moved;
    }
}
