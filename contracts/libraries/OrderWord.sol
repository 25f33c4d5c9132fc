// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStorageOrdersTypes} from "../interfaces/IStorageOrders.sol";

/// @title State of an order in one storage word
/// @notice Packed by hand: the compiler would read and write the word once per field.
library OrderWord {
    uint256 private constant UNEVEN = 1 << 208;
    uint256 private constant CHANGED = 1 << 209;
    uint256 private constant ANNOUNCED = 1 << 210;

    /// @notice The word of an order that was just opened.
    function opened(uint32 startEpoch, uint32 endEpoch, uint128 escrow) internal pure returns (uint256) {
        return
            uint256(uint8(IStorageOrdersTypes.OrderStatus.Open)) |
            (uint256(startEpoch) << 8) |
            (uint256(endEpoch) << 40) |
            (uint256(escrow) << 72);
    }

    function pack(IStorageOrdersTypes.OrderState memory state) internal pure returns (uint256) {
        return
            uint256(uint8(state.status)) |
            (uint256(state.settledTo) << 8) |
            (uint256(state.endEpoch) << 40) |
            (uint256(state.escrow) << 72) |
            (uint256(state.evicted) << 200) |
            (state.uneven ? UNEVEN : 0) |
            (state.changed ? CHANGED : 0) |
            (state.announced ? ANNOUNCED : 0);
    }

    function unpack(uint256 word) internal pure returns (IStorageOrdersTypes.OrderState memory) {
        return
            IStorageOrdersTypes.OrderState({
                status: statusOf(word),
                settledTo: uint32(word >> 8),
                endEpoch: uint32(word >> 40),
                escrow: uint128(word >> 72),
                evicted: uint8(word >> 200),
                uneven: word & UNEVEN != 0,
                changed: word & CHANGED != 0,
                announced: word & ANNOUNCED != 0
            });
    }

    function statusOf(uint256 word) internal pure returns (IStorageOrdersTypes.OrderStatus) {
        return IStorageOrdersTypes.OrderStatus(uint8(word));
    }
}
