// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What the transaction of a call costs
library CallCost {
    uint256 private constant TRANSACTION_GAS = 21_000;
    uint256 private constant ZERO_BYTE_GAS = 4;
    uint256 private constant BYTE_GAS = 16;
    /// @dev Most that is paid per gas, in hundredths of the base fee: priority fees are the sender's own choice.
    uint256 private constant PRICE_PARTS = 120;
    uint256 private constant PARTS = 100;

    /// @notice Gas that is taken before the first instruction runs. Zero bytes are counted apart, or padding a call
    /// with them would earn money.
    function intrinsicGas() internal pure returns (uint256) {
        uint256 length = msg.data.length;
        uint256 zeros = 0;
        assembly ("memory-safe") {
            let low := div(not(0), 0xff) // 0x01 in every byte
            let mask := mul(low, 0x7f)
            for {
                let offset := 0
            } lt(offset, length) {
                offset := add(offset, 0x20)
            } {
                let word := calldataload(offset)
                // 0x80 in every byte that is zero.
                let found := not(or(or(add(and(word, mask), mask), word), mask))
                zeros := add(zeros, shr(248, mul(shr(7, found), low)))
            }
            // The last word reads zeros behind the data.
            zeros := sub(zeros, and(sub(0x20, and(length, 0x1f)), 0x1f))
        }
        return TRANSACTION_GAS + zeros * ZERO_BYTE_GAS + (length - zeros) * BYTE_GAS;
    }

    /// @notice Native wei for `amount` of gas at this transaction's price, within limits.
    function priceOf(uint256 amount) internal view returns (uint256) {
        uint256 limit = (block.basefee * PRICE_PARTS) / PARTS;
        return amount * (tx.gasprice < limit ? tx.gasprice : limit);
    }
}
