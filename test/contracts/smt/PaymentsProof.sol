// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Payments} from "../../../contracts/libraries/Payments.sol";

/// @title What is proven of pay
/// @notice Checked arithmetic beside the library's unchecked one: that the checker finds no overflow here and no
/// difference shows that nothing wraps there.
contract PaymentsProof {
    uint256 private constant SLOTS = 32;

    function providerPayWrapsNowhere(uint128 price, uint32 stripes, uint32 epochs) external pure {
        uint256 rate = uint256(price) * stripes;
        assert(Payments.providerPay(rate, epochs) == (rate * epochs) / 2 ** 32);
    }

    function keeperPayWrapsNowhere(uint128 price, uint32 stripes, uint32 epochs, uint256 slots) external pure {
        require(slots <= SLOTS);
        uint256 rate = uint256(price) * stripes;
        assert(Payments.keeperPay(rate, slots, epochs) == (slots * rate * epochs * 4) / (100 * 2 ** 32));
    }

    function treasuryPayWrapsNowhere(uint128 price, uint32 stripes, uint32 epochs, uint256 slots) external pure {
        require(slots <= SLOTS);
        uint256 rate = uint256(price) * stripes;
        assert(Payments.treasuryPay(rate, slots, epochs) == (slots * rate * epochs) / (100 * 2 ** 32));
    }

    /// @notice Pay hangs on the product alone. With it the properties of amounts below, whose arithmetic is linear,
    /// are those of rates and epochs: rate * (a + b) is rate * a + rate * b where nothing wraps.
    function payIsThatOfTheAmount(uint160 rate, uint32 epochs) external pure {
        assert(Payments.providerPay(rate, epochs) == Payments.providerPay(uint256(rate) * epochs, 1));
    }

    /// @notice What two intervals of a slot cost is never more than the whole, and at most one wei less.
    function partsAreAtMostTheWhole(uint192 first, uint192 second) external pure {
        uint256 parts = Payments.providerPay(first, 1) + Payments.providerPay(second, 1);
        uint256 whole = Payments.providerPay(uint256(first) + second, 1);
        assert(parts <= whole);
        assert(whole <= parts + 1);
    }

    function payNeverFalls(uint192 amount, uint192 more) external pure {
        assert(Payments.providerPay(amount, 1) <= Payments.providerPay(uint256(amount) + more, 1));
    }

    /// @notice What was paid before and is earned now is the pay until now, to the wei.
    function earnedIsTheDifference(uint192 before, uint192 more) external pure {
        uint256 after_ = uint256(before) + more;
        (uint256 earned, ) = Payments.earnedAndKept(1, before, after_, 0);
        assert(earned == Payments.providerPay(1, after_) - Payments.providerPay(1, before));
    }

    /// @notice What is kept is all that can follow, to the wei.
    function keptIsTheRest(uint192 after_, uint192 rest) external pure {
        (, uint256 kept) = Payments.earnedAndKept(1, 0, after_, rest);
        assert(kept == Payments.providerPay(1, uint256(after_) + rest) - Payments.providerPay(1, after_));
    }

    function keepersGetFourTimesTheTreasury(uint160 rate, uint8 slots, uint32 epochs) external pure {
        require(slots <= SLOTS);
        uint256 keepers = Payments.keeperPay(rate, slots, epochs);
        uint256 treasury = Payments.treasuryPay(rate, slots, epochs);
        assert(4 * treasury <= keepers);
        assert(keepers < 4 * treasury + 4);
    }

    function keeperShareIsAtMostThePool(uint128 pool, uint32 served, uint32 earning, uint8 members) external pure {
        require(members > 0 && served <= earning);
        assert(Payments.keeperShare(pool, served, earning, members) <= pool);
    }
}
