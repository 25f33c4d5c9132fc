// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Draws} from "../../contracts/libraries/Draws.sol";
import {Waterfall} from "../../contracts/libraries/Waterfall.sol";
import {VmTest} from "./utils/Vm.sol";

/// @notice What disputes compute, for any numbers.
contract DisputesTest is VmTest {
    /// Collateral is shared out to the wei, and who plays payer, repairer and challenger at once loses a tenth of it.
    function testFuzz_waterfall_sharesOutEverything(
        uint96 collateral,
        uint128 settled,
        uint128 bonus,
        bool challenged
    ) public pure {
        Waterfall.Shares memory shares = Waterfall.split(collateral, settled, bonus, challenged);
        uint256 others = uint256(shares.toPayer) + shares.toPot + shares.toChallenger;
        assertEq(others + shares.toTreasury, collateral, "sum");
        uint256 fifth = (uint256(collateral) * 20) / 100;
        assertTrue(shares.toPayer <= settled && shares.toPot <= bonus, "caps");
        assertTrue(uint256(shares.toPayer) + shares.toPot <= collateral - fifth, "fifth");
        assertEq(shares.toChallenger, challenged ? fifth / 2 : 0, "reward");
        // The payer comes first: the pot is what is left of four fifths.
        uint256 left = collateral - fifth - shares.toPayer;
        assertEq(shares.toPot, bonus < left ? bonus : left, "pot");
        assertTrue(shares.toPayer == settled || left == 0, "payer");
    }

    /// At most four entries are drawn, each once, and all of them when there are not more.
    function testFuzz_draws_areDifferentEntries(bytes32 draw, uint8 count) public pure {
        uint256 entries = bound(count, 1, 64);
        uint256[] memory drawn = Draws.indexes(draw, entries);
        assertEq(drawn.length, entries < 4 ? entries : 4, "drawn");
        for (uint256 i = 0; i < drawn.length; ++i) {
            assertTrue(drawn[i] < entries, "range");
            for (uint256 j = 0; j < i; ++j) assertTrue(drawn[i] != drawn[j], "twice");
        }
    }
}
