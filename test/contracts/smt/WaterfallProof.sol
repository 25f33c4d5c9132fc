// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Waterfall} from "../../../contracts/libraries/Waterfall.sol";

/// @title What is proven of slashed collateral
contract WaterfallProof {
    function sharesAreTheCollateral(uint96 collateral, uint256 settled, uint256 bonus, bool challenged) external pure {
        Waterfall.Shares memory shares = Waterfall.split(collateral, settled, bonus, challenged);
        uint256 payerAndPot = uint256(shares.toPayer) + shares.toPot;
        assert(payerAndPot + shares.toTreasury + shares.toChallenger == collateral);
    }

    function aFifthIsNeitherPayersNorRepairers(
        uint96 collateral,
        uint256 settled,
        uint256 bonus,
        bool challenged
    ) external pure {
        Waterfall.Shares memory shares = Waterfall.split(collateral, settled, bonus, challenged);
        assert(uint256(shares.toTreasury) + shares.toChallenger >= uint256(collateral) / 5);
    }

    function payerGetsAtMostWhatWasSettled(
        uint96 collateral,
        uint256 settled,
        uint256 bonus,
        bool challenged
    ) external pure {
        assert(Waterfall.split(collateral, settled, bonus, challenged).toPayer <= settled);
    }

    function potIsAtMostTheBonus(uint96 collateral, uint256 settled, uint256 bonus, bool challenged) external pure {
        assert(Waterfall.split(collateral, settled, bonus, challenged).toPot <= bonus);
    }

    function challengerGetsAtMostATenth(
        uint96 collateral,
        uint256 settled,
        uint256 bonus,
        bool challenged
    ) external pure {
        Waterfall.Shares memory shares = Waterfall.split(collateral, settled, bonus, challenged);
        assert(uint256(shares.toChallenger) * 10 <= collateral);
        assert(challenged || shares.toChallenger == 0);
    }

    function payerIsPaidBeforeThePot(uint96 collateral, uint256 settled, uint256 bonus, bool challenged) external pure {
        Waterfall.Shares memory shares = Waterfall.split(collateral, settled, bonus, challenged);
        assert(shares.toPot == 0 || shares.toPayer == settled);
    }
}
