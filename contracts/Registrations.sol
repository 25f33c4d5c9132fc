// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {PermitCalls} from "./PermitCalls.sol";
import {IStaking} from "./interfaces/IStaking.sol";
import {CloneArguments} from "./libraries/CloneArguments.sol";
import {RollingHash} from "./libraries/RollingHash.sol";

/// @title Base of `Staking`: what registering and stake have in common for both roles
abstract contract Registrations is PermitCalls, ReentrancyGuardTransient, IStaking {
    using RollingHash for RollingHash.Chain;

    uint256 private constant ENDPOINT_BYTES_MAX = 256;

    /// @dev One word.
    struct Holding {
        address owner;
        uint96 stake;
    }

    /// @dev One word: stake on its way out, and for providers whether they asked to leave, for keepers from when on
    /// they may take a seat.
    struct Unbonding {
        uint96 amount;
        uint64 availableAt;
        bool exiting;
        uint32 rejoinEpoch;
    }

    function _checkRegistration(
        address operator,
        uint32 taken,
        string calldata endpoint,
        uint128 stake,
        uint256 minimum
    ) internal view {
        _checkOperator(operator, taken);
        _checkEndpoint(endpoint);
        uint128 required = uint128(CloneArguments.word(minimum));
        if (stake < required) revert StakeTooLow(stake, required);
        _checkedStake(stake);
    }

    function _checkOperator(address operator, uint32 taken) internal pure {
        if (operator == address(0)) revert OperatorMissing();
        if (taken != 0) revert OperatorTaken(operator, taken);
    }

    function _checkEndpoint(string calldata endpoint) internal pure {
        uint256 length = bytes(endpoint).length;
        if (length == 0 || length > ENDPOINT_BYTES_MAX) revert StringLengthInvalid(length, ENDPOINT_BYTES_MAX);
    }

    function _checkedStake(uint256 stake) internal pure returns (uint96) {
        if (stake > type(uint96).max) revert StakeTooHigh(stake);
        return uint96(stake);
    }

    /// @dev What a holding keeps when `amount` of its `free` part leaves: nothing, or at least the role's minimum.
    function _left(
        uint32 id,
        Holding memory holding,
        uint256 free,
        uint128 amount,
        uint256 minimum
    ) internal view returns (uint96) {
        _checkOwner(holding.owner);
        if (free < amount) revert StakeNotFree(id, uint128(free), amount);
        uint96 left = holding.stake - uint96(amount);
        uint128 required = uint128(CloneArguments.word(minimum));
        if (left != 0 && left < required) revert StakeTooLow(left, required);
        return left;
    }

    function _checkUnbonded(uint32 id, Unbonding memory unbonding) internal view {
        if (unbonding.amount == 0) revert NothingUnbonding(id);
        if (block.timestamp < unbonding.availableAt) {
            revert UnbondingNotOver(unbonding.availableAt, uint64(block.timestamp));
        }
    }

    function _checkOwner(address owner) internal view {
        if (msg.sender != owner) revert NotOwner(msg.sender, owner);
    }

    function _checkOwnerOrOperator(address owner, address operator) internal view {
        if (msg.sender != owner && msg.sender != operator) revert NotOwnerOrOperator(msg.sender);
    }

    function _logDeposit(Role role, uint32 id, uint128 amount, uint128 stake) internal {
        _events.log(StakeDeposited.selector, _topic(uint256(role)), _topic(id), abi.encode(amount, stake));
    }
}
