// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title Token that misbehaves as told
/// @notice For tests of what the contracts of a group survive.
contract WeirdToken is ERC20 {
    /// @notice What a transfer does.
    enum Manner {
        Move,
        TakeFee,
        ReturnFalse,
        /// Moves, and returns nothing at all, as tokens did before the standard.
        ReturnNothing,
        /// Says that it moved, and does not.
        Keep,
        /// Moves, but every balance reads the same.
        HideBalances,
        /// Moves, and makes one call in the middle of it.
        CallBack
    }

    error Blocked(address account);

    uint256 private constant FEE = 1;

    Manner private _manner;
    address private _target;
    bytes private _callBack;
    mapping(address account => bool blocked) private _blocked;

    /// @notice What the last call back came to: 0 none, 1 it went through, 2 it was refused.
    uint8 public outcome;
    /// @notice Selector of the error with which the call back was refused.
    bytes4 public refusal;

    constructor(uint256 supply) ERC20("Weird", "WEIRD") {
        _mint(msg.sender, supply);
    }

    function behave(Manner manner) external {
        _manner = manner;
    }

    /// @notice The next transfer calls `target`, once.
    function callBack(address target, bytes calldata data) external {
        (_manner, _target, _callBack) = (Manner.CallBack, target, data);
        (outcome, refusal) = (0, 0);
    }

    /// @notice Transfers to or from a blocked account fail, as those of regulated tokens do.
    function setBlocked(address account, bool blocked) external {
        _blocked[account] = blocked;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        if (_manner == Manner.ReturnFalse) return false;
        if (_manner == Manner.Keep) return true;
        super.transfer(to, amount);
        return _afterMove(to);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (_manner == Manner.ReturnFalse) return false;
        if (_manner == Manner.Keep) return true;
        super.transferFrom(from, to, amount);
        return _afterMove(to);
    }

    function balanceOf(address account) public view override returns (uint256) {
        return _manner == Manner.HideBalances ? 0 : super.balanceOf(account);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (_blocked[from]) revert Blocked(from);
        if (_blocked[to]) revert Blocked(to);
        super._update(from, to, amount);
    }

    function _afterMove(address to) private returns (bool) {
        Manner manner = _manner;
        if (manner == Manner.TakeFee) _burn(to, FEE);
        if (manner == Manner.CallBack) _call();
        if (manner == Manner.ReturnNothing) {
            assembly ("memory-safe") {
                return(0, 0)
            }
        }
        return true;
    }

    function _call() private {
        _manner = Manner.Move;
        // solhint-disable-next-line avoid-low-level-calls
        (bool done, bytes memory result) = _target.call(_callBack);
        outcome = done ? 1 : 2;
        if (!done) refusal = bytes4(result);
    }
}
