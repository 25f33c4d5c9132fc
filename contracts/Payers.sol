// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {PermitCalls} from "./PermitCalls.sol";
import {IStorageOrders} from "./interfaces/IStorageOrders.sol";
import {CloneArguments} from "./libraries/CloneArguments.sol";
import {RollingHash} from "./libraries/RollingHash.sol";
import {Tokens} from "./libraries/Tokens.sol";

/// @title Part of `StorageOrders`: balances of those who pay
/// @notice Documented at `IStorageOrders`.
abstract contract Payers is PermitCalls, ReentrancyGuardTransient, IStorageOrders {
    using RollingHash for RollingHash.Chain;
    using SafeERC20 for IERC20;
    using Tokens for IERC20;

    mapping(address payer => uint128 balance) private _balances;
    mapping(address payer => Withdrawal withdrawal) private _withdrawals;

    /// @inheritdoc IStorageOrders
    function deposit(uint128 amount) external {
        depositFor(msg.sender, amount);
    }

    /// @inheritdoc IStorageOrders
    function depositFor(address payer, uint128 amount) public nonReentrant {
        if (payer == address(0)) revert PayerMissing();
        if (amount == 0) revert AmountZero();
        _balances[payer] += amount;
        _events.log(Deposited.selector, _topic(payer), _topic(msg.sender), abi.encode(amount));
        _token().pull(msg.sender, amount);
    }

    /// @inheritdoc IStorageOrders
    function requestWithdrawal(uint128 amount) external {
        uint128 balance = _balances[msg.sender];
        if (amount > balance) revert BalanceTooLow(msg.sender, balance, amount);
        uint64 availableAt = uint64(block.timestamp + CloneArguments.word(CloneArguments.PAYER_DELAY));
        _withdrawals[msg.sender] = Withdrawal(amount, availableAt);
        _events.log(WithdrawalRequested.selector, _topic(msg.sender), abi.encode(amount, availableAt));
    }

    /// @inheritdoc IStorageOrders
    function withdraw() external nonReentrant {
        Withdrawal memory withdrawal = _withdrawals[msg.sender];
        if (withdrawal.amount == 0) revert NothingRequested(msg.sender);
        if (block.timestamp < withdrawal.availableAt) {
            revert WithdrawalNotReady(withdrawal.availableAt, uint64(block.timestamp));
        }
        uint128 balance = _balances[msg.sender];
        // Orders may have spent part of what was announced.
        uint128 amount = withdrawal.amount < balance ? withdrawal.amount : balance;
        if (amount == 0) revert NothingToWithdraw();
        delete _withdrawals[msg.sender];
        _balances[msg.sender] = balance - amount;
        _events.log(Withdrawn.selector, _topic(msg.sender), abi.encode(amount));
        _token().safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc IStorageOrders
    function creditPayer(address payer, bytes32 orderId, uint128 amount) external {
        _onlyOf(CloneArguments.DISPUTES, CloneArguments.REPAIRS);
        _balances[payer] += amount;
        _events.log(PayerCredited.selector, _topic(payer), orderId, abi.encode(amount));
    }

    /// @inheritdoc IStorageOrders
    function balanceOf(address payer) external view returns (uint128) {
        (uint128 balance, uint128 announced) = (_balances[payer], _withdrawals[payer].amount);
        return balance > announced ? balance - announced : 0;
    }

    /// @inheritdoc IStorageOrders
    function withdrawalOf(address payer) external view returns (Withdrawal memory) {
        return _withdrawals[payer];
    }

    // ---------------------------------------------------------------------------------------------------- internal

    /// @dev Takes the whole price of an order.
    function _charge(address payer, uint128 amount) internal {
        uint128 balance = _balances[payer];
        if (balance < amount) revert BalanceTooLow(payer, balance, amount);
        _balances[payer] = balance - amount;
    }

    /// @dev Takes `due`, or what there is.
    function _chargeUpTo(address payer, uint128 due) internal returns (uint128 taken) {
        uint128 balance = _balances[payer];
        taken = due < balance ? due : balance;
        if (taken != 0) _balances[payer] = balance - taken;
    }

    function _refund(address payer, uint128 amount) internal {
        _balances[payer] += amount;
    }
}
