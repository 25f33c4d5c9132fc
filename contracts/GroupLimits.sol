// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {GroupContracts, GroupParameters} from "./interfaces/IGroup.sol";
import {IGroupFactory} from "./interfaces/IGroupFactory.sol";
import {EpochQueue} from "./libraries/EpochQueue.sol";

/// @title Base of `GroupFactory`: what parameters may be, alone and together
/// @notice Documented at `IGroupFactory`.
abstract contract GroupLimits is IGroupFactory {
    uint256 private constant THRESHOLDS = 16;
    uint256 private constant THRESHOLD_BITS = 16;
    uint256 private constant WHOLE_SHARE = 10_000;
    /// @dev Least appeal window of any chain, seconds.
    uint256 private constant APPEAL_WINDOW_LEAST = 60 seconds;
    uint256 private constant BLOCK_TIME_MAX = 60 seconds;
    /// @dev Blocks between what somebody could still steer and the seed, and from the seed to the cut-off.
    uint32 private constant BLOCKS_APART = 4;
    /// @dev A window in blocks lasts this many times as long as nodes wait until a block is final.
    uint32 private constant WINDOW_CONFIRMATIONS = 4;
    /// @dev Slots that one block evicts: 90,000 gas each leave most of the block to others.
    uint32 private constant EVICTIONS_PER_BLOCK = 100;
    uint32 private constant WINDOW_MAX = 30 days;
    /// @dev Most seconds for which epochs that are counted may hold somebody up.
    uint32 private constant SPAN_MAX = 180 days;

    uint32 private immutable BLOCK_TIME;
    uint32 private immutable APPEAL_WINDOW_MIN;
    bool private immutable BLOBS;

    constructor(ChainFacts memory chain) {
        _range("blockTime", chain.blockTime, 1, BLOCK_TIME_MAX);
        _range("appealWindowMin", chain.appealWindowMin, APPEAL_WINDOW_LEAST, WINDOW_MAX);
        BLOCK_TIME = chain.blockTime;
        APPEAL_WINDOW_MIN = chain.appealWindowMin;
        BLOBS = chain.blobs;
    }

    /// @inheritdoc IGroupFactory
    function limits() public view returns (Limits memory) {
        return
            Limits({
                blockTime: BLOCK_TIME,
                epochLengthMin: 10 seconds,
                epochLengthMax: 7 days,
                spanMax: SPAN_MAX,
                genesisDistanceMax: 30 days,
                seedDelayMin: BLOCKS_APART * BLOCK_TIME,
                answerWindowMin: BLOCKS_APART * BLOCK_TIME,
                applyWindowMin: 60 seconds,
                applyWindowMax: WINDOW_MAX,
                applyWindowBlocksMin: 5,
                applyWindowBlocksMax: WINDOW_MAX / BLOCK_TIME,
                pendingEpochsMax: EpochQueue.PLACES,
                payerDelayMax: 90 days,
                unbondingDelayMax: 730 days,
                // Appeals are drawn from blocks 2 to 256 after a certificate, which by then has to be final.
                confirmationsMax: 192,
                windowConfirmations: WINDOW_CONFIRMATIONS,
                maxGapMax: 64,
                samplesMax: 1024,
                termLengthMin: 2,
                // Counters of absences have 16 bits.
                termLengthMax: 65_535,
                // The part of who reports a keeper, a twentieth, is never zero.
                keeperStakeMin: 20,
                // Balances of stake have 96 bits; far below that, sums cannot overflow.
                stakeMax: 1e27,
                collateralPerShardMax: 1e24,
                // The treasury's hundredth of one shard's epoch is never zero.
                minPriceMin: 100 << 32,
                minPriceMax: 1e36,
                appealWindowMin: APPEAL_WINDOW_MIN,
                appealWindowMax: WINDOW_MAX,
                appealWindowBlocksMin: 5,
                appealWindowBlocksMax: WINDOW_MAX / BLOCK_TIME,
                protectionEpochsMax: 10_000,
                shareMax: uint16(WHOLE_SHARE),
                // Who cannot raise the bond cannot challenge.
                challengeBondMax: 10 ether,
                thresholdMin: 2,
                offerEpochsMax: 1024,
                // Counters of expired offers have 8 bits.
                offerExpiriesMax: 255,
                coolOffEpochsMax: 10_000,
                freezeEpochsMax: 1024,
                repairBudgetMax: 1_000_000,
                evictionsPerBlock: EVICTIONS_PER_BLOCK,
                rejoinEpochsMax: 10_000,
                blobAnswersMax: BLOBS
            });
    }

    // ---------------------------------------------------------------------------------------------------- internal

    function _check(GroupParameters calldata p, GroupContracts memory contracts) internal view {
        Limits memory hard = limits();
        _checkAddresses(p, contracts);
        _checkEpochs(p, hard);
        _checkWindows(p, hard);
        _checkMoney(p, hard);
        _checkVerdicts(p, hard);
        _checkRepairs(p, hard);
    }

    function _checkAddresses(GroupParameters calldata p, GroupContracts memory contracts) private view {
        (address token, address treasury) = (p.token, p.treasury);
        if (token.code.length == 0) revert TokenNotContract(token);
        (bool success, bytes memory answer) = token.staticcall(abi.encodeCall(IERC20.balanceOf, (treasury)));
        if (!success || answer.length != 32) revert TokenNotContract(token);
        if (treasury == address(0)) revert TreasuryMissing();
        bool own =
            treasury == token ||
                treasury == contracts.staking ||
                treasury == contracts.orders ||
                treasury == contracts.settlement ||
                treasury == contracts.disputes ||
                treasury == contracts.repairs ||
                treasury == contracts.allowances;
        if (own) revert TreasuryCannotSpend(treasury);
    }

    function _checkEpochs(GroupParameters calldata p, Limits memory hard) private view {
        (uint256 time, uint256 distance) = (block.timestamp, hard.genesisDistanceMax);
        _range("genesis", p.genesis, Math.saturatingSub(time, distance), time + distance);
        _range("epochLength", p.epochLength, hard.epochLengthMin, hard.epochLengthMax);
        _range("confirmations", p.confirmations, 1, hard.confirmationsMax);
        // What happens in an epoch is final before the next one starts.
        uint256 left = Math.saturatingSub(p.epochLength, _duration(p.confirmations));
        _range("seedDelay", p.seedDelay, hard.seedDelayMin, Math.saturatingSub(left, hard.answerWindowMin));
        _range("answerWindow", p.answerWindow, hard.answerWindowMin, left - p.seedDelay);
        _range("samples", p.samples, 1, hard.samplesMax);
        _span("maxGap", p.maxGap, 1, hard.maxGapMax, p.epochLength);
        _span("termLength", p.termLength, hard.termLengthMin, hard.termLengthMax, p.epochLength);
    }

    function _checkWindows(GroupParameters calldata p, Limits memory hard) private view {
        uint256 final_ = uint256(WINDOW_CONFIRMATIONS) * p.confirmations;
        // Even after a gap, the epochs that can wait to be applied have places.
        uint256 ring = (uint256(hard.pendingEpochsMax) - p.maxGap - 2) * p.epochLength;
        _range("applyWindow", p.applyWindow, hard.applyWindowMin, Math.min(hard.applyWindowMax, ring));
        _range(
            "applyWindowBlocks",
            p.applyWindowBlocks,
            Math.max(hard.applyWindowBlocksMin, final_),
            Math.min(hard.applyWindowBlocksMax, ring / BLOCK_TIME)
        );
        _range("appealWindow", p.appealWindow, hard.appealWindowMin, hard.appealWindowMax);
        _range(
            "appealWindowBlocks",
            p.appealWindowBlocks,
            Math.max(hard.appealWindowBlocksMin, final_),
            hard.appealWindowBlocksMax
        );
        _range("payerDelay", p.payerDelay, p.epochLength, hard.payerDelayMax);
        // Whoever withdraws stake was within reach of everything that its epochs can still bring.
        uint256 windows =
            Math.max(p.applyWindow, _duration(p.applyWindowBlocks)) +
                (uint256(p.maxGap) + 2) * p.epochLength +
                2 * Math.max(p.appealWindow, _duration(p.appealWindowBlocks));
        _range("unbondingDelay", p.unbondingDelay, windows, hard.unbondingDelayMax);
    }

    function _checkMoney(GroupParameters calldata p, Limits memory hard) private pure {
        _range("minKeeperStake", p.minKeeperStake, hard.keeperStakeMin, hard.stakeMax);
        _range("collateralPerShard", p.collateralPerShard, 1, hard.collateralPerShardMax);
        _range("lockShare", p.lockShare, 1, hard.shareMax);
        // Who has the least stake can lock a shard in any epoch.
        uint256 oneShard = Math.ceilDiv(uint256(p.collateralPerShard) * WHOLE_SHARE, p.lockShare);
        _range("minProviderStake", p.minProviderStake, oneShard, hard.stakeMax);
        _range("minPrice", p.minPrice, hard.minPriceMin, hard.minPriceMax);
        _range("repairBonusPerShard", p.repairBonusPerShard, 0, p.collateralPerShard / 2);
    }

    function _checkVerdicts(GroupParameters calldata p, Limits memory hard) private pure {
        _span("protectionEpochs", p.protectionEpochs, 0, hard.protectionEpochsMax, p.epochLength);
        _span("rejoinEpochs", p.rejoinEpochs, 1, hard.rejoinEpochsMax, p.epochLength);
        _range("evictionCap", p.evictionCap, 1, hard.shareMax);
        _range("challengeBond", p.challengeBond, 1, hard.challengeBondMax);
        _range("blobAnswers", p.blobAnswers ? 1 : 0, 0, hard.blobAnswersMax ? 1 : 0);
    }

    function _checkRepairs(GroupParameters calldata p, Limits memory hard) private pure {
        uint256 previous = hard.thresholdMin;
        for (uint256 i = 0; i < THRESHOLDS; ++i) {
            uint256 threshold = uint16(uint256(p.repairThresholds) >> (THRESHOLD_BITS * (THRESHOLDS - 1 - i)));
            _span("repairThresholds", threshold, previous, type(uint16).max, p.epochLength);
            previous = threshold;
        }
        _span("offerEpochs", p.offerEpochs, 1, hard.offerEpochsMax, p.epochLength);
        _range("offerExpiries", p.offerExpiries, 1, hard.offerExpiriesMax);
        _span("coolOffEpochs", p.coolOffEpochs, 0, hard.coolOffEpochsMax, p.epochLength);
        _range("freezeShare", p.freezeShare, 1, hard.shareMax);
        _span("freezeEpochs", p.freezeEpochs, 0, hard.freezeEpochsMax, p.epochLength);
        uint256 applicable = uint256(hard.evictionsPerBlock) * p.applyWindowBlocks;
        _range("repairBudget", p.repairBudget, 1, Math.min(hard.repairBudgetMax, applicable));
    }

    /// @dev Epochs that hold somebody up: bounded in number and in time.
    function _span(string memory name, uint256 epochs, uint256 min, uint256 max, uint256 epochLength) private pure {
        _range(name, epochs, min, Math.min(max, SPAN_MAX / epochLength));
    }

    function _range(string memory name, uint256 value, uint256 min, uint256 max) private pure {
        if (value < min || value > max) revert ParameterOutOfRange(name, value, min, max);
    }

    /// @dev Seconds that blocks usually take.
    function _duration(uint256 blocks) private view returns (uint256) {
        return blocks * BLOCK_TIME;
    }
}
