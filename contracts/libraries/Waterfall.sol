// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Who gets slashed collateral
/// @notice A fifth is never the payer's nor a repairer's: a provider that plays those roles too always loses by being
/// slashed, whoever holds its keys.
library Waterfall {
    uint256 private constant TREASURY_PARTS = 20;
    uint256 private constant PARTS = 100;
    /// @dev The challenger's part of the treasury's fifth is one in this many.
    uint256 private constant REWARD_PART = 2;

    struct Shares {
        uint128 toPayer;
        uint128 toPot;
        uint128 toTreasury;
        uint128 toChallenger;
    }

    /// @param settled What the holder earned with the slot: the most that the payer gets back.
    /// @param bonus The most that a repairer gets; 0 when nobody can repair the slot any more.
    function split(
        uint256 collateral,
        uint256 settled,
        uint256 bonus,
        bool challenged
    ) internal pure returns (Shares memory shares) {
        uint256 treasury = (collateral * TREASURY_PARTS) / PARTS;
        uint256 left = collateral - treasury;
        uint256 payer = settled < left ? settled : left;
        left -= payer;
        uint256 pot = bonus < left ? bonus : left;
        left -= pot;
        uint256 reward = challenged ? treasury / REWARD_PART : 0;
        // Collateral is stake, which has 96 bits.
        shares = Shares(uint128(payer), uint128(pot), uint128(treasury - reward + left), uint128(reward));
    }
}
