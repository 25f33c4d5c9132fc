// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputes, IDisputesTypes} from "../interfaces/IDisputes.sol";
import {Order} from "../interfaces/IStorageOrders.sol";

/// @title Contract that challenges and responds, and misbehaves when it is paid
/// @notice For tests of what a direct challenge survives.
contract DisputeParty {
    /// @notice What to do with coin that arrives.
    enum Manner {
        Take,
        Refuse,
        BurnGas,
        CallBack
    }

    error NoCoin();

    IDisputes private immutable DISPUTES;

    Manner private _manner;
    bytes private _callBack;

    /// @notice What the call back came to: 0 none, 1 it went through, 2 it was refused.
    uint8 public outcome;
    /// @notice Selector of the error with which the call back was refused.
    bytes4 public refusal;

    constructor(IDisputes disputes) payable {
        DISPUTES = disputes;
    }

    receive() external payable {
        _onCoin();
    }

    function behave(Manner manner, bytes calldata callBack) external {
        (_manner, _callBack) = (manner, callBack);
    }

    function challenge(Order calldata order, uint8 slot, uint32 stripe, uint256 bond) external {
        DISPUTES.challenge{value: bond}(order, slot, stripe);
    }

    function respond(IDisputesTypes.Ticket calldata ticket, IDisputesTypes.ShardAnswer calldata answer) external {
        DISPUTES.respond(ticket, answer);
    }

    function _onCoin() private {
        Manner manner = _manner;
        if (manner == Manner.Refuse) revert NoCoin();
        bytes memory data = _callBack;
        address disputes = address(DISPUTES);
        bytes32 result = 0;
        bool done = true;
        assembly ("memory-safe") {
            if eq(manner, 2) {
                invalid()
            }
            if eq(manner, 3) {
                done := call(gas(), disputes, 0, add(data, 0x20), mload(data), 0x00, 0x20)
                result := mload(0x00)
            }
        }
        if (manner != Manner.CallBack) return;
        outcome = done ? 1 : 2;
        if (!done) refusal = bytes4(result);
    }
}
