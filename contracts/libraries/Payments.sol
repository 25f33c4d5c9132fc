// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Arithmetic of pay
/// @notice The payer pays 100 parts to providers, 4 to keepers and 1 to the treasury. Everything is a function of
/// the number of epochs earned since the order's start, so that it does not matter how often somebody settles.
/// Unchecked: a rate has at most 160 bits (price 128, stripes 32), epochs 32, slots 5.
library Payments {
    uint256 private constant PRICE_SHIFT = 32;
    uint256 private constant KEEPER_PARTS = 4;
    uint256 private constant PROVIDER_PARTS = 100;

    /// @notice What one slot earned in `epochs` epochs; `rate` = price · stripes.
    function providerPay(uint256 rate, uint256 epochs) internal pure returns (uint256) {
        unchecked {
            return (rate * epochs) >> PRICE_SHIFT;
        }
    }

    /// @notice What one slot earned between two counts of epochs that it passed, and the most that `rest` further
    /// epochs can bring it.
    function earnedAndKept(
        uint256 rate,
        uint256 before,
        uint256 after_,
        uint256 rest
    ) internal pure returns (uint256 earned, uint256 kept) {
        unchecked {
            uint256 total = providerPay(rate, after_);
            return (total - providerPay(rate, before), providerPay(rate, after_ + rest) - total);
        }
    }

    /// @notice What keepers earned by an order of `slots` slots in `epochs` epochs.
    function keeperPay(uint256 rate, uint256 slots, uint256 epochs) internal pure returns (uint256) {
        unchecked {
            return (slots * rate * epochs * KEEPER_PARTS) / (PROVIDER_PARTS << PRICE_SHIFT);
        }
    }

    /// @notice What the treasury earned by an order of `slots` slots in `epochs` epochs.
    function treasuryPay(uint256 rate, uint256 slots, uint256 epochs) internal pure returns (uint256) {
        unchecked {
            return (slots * rate * epochs) / (PROVIDER_PARTS << PRICE_SHIFT);
        }
    }

    /// @notice A keeper's share of a pool for `served` of `earning` epochs on a roster of `members`.
    function keeperShare(
        uint256 pool,
        uint256 served,
        uint256 earning,
        uint256 members
    ) internal pure returns (uint256) {
        return earning == 0 ? 0 : (pool * served) / (earning * members);
    }
}
