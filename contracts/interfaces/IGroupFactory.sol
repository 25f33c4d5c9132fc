// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {GroupContracts, GroupParameters} from "./IGroup.sol";

interface IGroupFactoryErrors {
    /// @notice A parameter is outside the hard limits; `name` is its field.
    error ParameterOutOfRange(string name, uint256 value, uint256 min, uint256 max);
    /// @notice The token has no code, or does not answer `balanceOf` as ERC-20 does.
    error TokenNotContract(address token);
    /// @notice A logic contract has no code.
    error ImplementationMissing(address implementation);
    /// @notice A logic contract does not support the interface that its place in a group asks for.
    error ImplementationWrong(address implementation, bytes4 interfaceId);
    /// @notice The treasury must be an address that can be paid.
    error TreasuryMissing();
    /// @notice The treasury must not be the token nor a contract of its group, where tokens would lie for ever.
    error TreasuryCannotSpend(address treasury);
}

interface IGroupFactoryTypes {
    /// @notice What a factory has to know of its chain. Fixed when it is made.
    struct ChainFacts {
        /// Seconds that a block usually takes, 1 to 60; 1 where it takes less. Windows in blocks are compared with
        /// windows in seconds by it.
        uint32 blockTime;
        /// Least appeal window, seconds; a day at least where somebody who orders the blocks could hold back an appeal.
        /// From 60 seconds to 30 days.
        uint32 appealWindowMin;
        /// Whether anybody can send blob transactions.
        bool blobs;
    }

    /// @notice Hard limits of group parameters, both ends allowed. What they mean is at `GroupParameters`; what they
    /// have to be to each other, at `createGroup`.
    struct Limits {
        /// As the chain's facts say; fixed when the factory is made.
        uint32 blockTime;
        uint32 epochLengthMin;
        uint32 epochLengthMax;
        /// Most seconds that maxGap, termLength, protectionEpochs, rejoinEpochs, offerEpochs, coolOffEpochs,
        /// freezeEpochs and each of the repairThresholds may last.
        uint32 spanMax;
        /// Genesis may lie this many seconds before or after the block that makes the group.
        uint32 genesisDistanceMax;
        uint32 seedDelayMin;
        uint32 answerWindowMin;
        uint32 applyWindowMin;
        uint32 applyWindowMax;
        uint32 applyWindowBlocksMin;
        uint32 applyWindowBlocksMax;
        /// Certified epochs that can wait to be applied.
        uint32 pendingEpochsMax;
        uint32 payerDelayMax;
        uint32 unbondingDelayMax;
        uint16 confirmationsMax;
        /// Each window in blocks has at least this many times `confirmations`.
        uint32 windowConfirmations;
        uint16 maxGapMax;
        uint16 samplesMax;
        uint32 termLengthMin;
        uint32 termLengthMax;
        uint128 keeperStakeMin;
        uint128 stakeMax;
        uint128 collateralPerShardMax;
        uint128 minPriceMin;
        uint128 minPriceMax;
        /// Depends on who orders the blocks of the chain; fixed when the factory is made.
        uint32 appealWindowMin;
        uint32 appealWindowMax;
        uint32 appealWindowBlocksMin;
        uint32 appealWindowBlocksMax;
        uint16 protectionEpochsMax;
        /// Of parameters in hundredths of a percent.
        uint16 shareMax;
        uint128 challengeBondMax;
        uint16 thresholdMin;
        uint16 offerEpochsMax;
        uint16 offerExpiriesMax;
        uint16 coolOffEpochsMax;
        uint16 freezeEpochsMax;
        uint32 repairBudgetMax;
        /// Slots of `repairBudget` for each block of `applyWindowBlocks`, at most.
        uint32 evictionsPerBlock;
        uint16 rejoinEpochsMax;
        /// Whether groups may demand answers as blobs; depends on the chain, fixed when the factory is made.
        bool blobAnswersMax;
    }
}

interface IGroupFactoryEvents {
    /// @notice A group came to be. Indexers discover groups by this event.
    event GroupCreated(
        uint32 indexed groupId,
        address indexed settlement,
        address indexed creator,
        address staking,
        address orders,
        address disputes,
        address repairs,
        address allowances,
        GroupParameters parameters
    );
}

/// @title Maker of groups
/// @notice Clones the contracts of a group with parameters that are part of their code. Nobody can change or
/// pause a group afterwards, the factory included.
interface IGroupFactory is IGroupFactoryErrors, IGroupFactoryTypes, IGroupFactoryEvents {
    /// @notice Makes a group.
    /// @dev Requires every parameter within `limits()`, and of each other, with t(blocks) = blocks · blockTime:
    /// - seedDelay + answerWindow + t(confirmations) ≤ epochLength: what happens in an epoch is final before the next;
    /// - applyWindow and t(applyWindowBlocks) ≤ (pendingEpochsMax − maxGap − 2) · epochLength: there are places for all
    ///   epochs that wait;
    /// - applyWindowBlocks and appealWindowBlocks ≥ windowConfirmations · confirmations;
    /// - repairBudget ≤ evictionsPerBlock · applyWindowBlocks;
    /// - payerDelay ≥ epochLength;
    /// - unbondingDelay ≥ max(applyWindow, t(applyWindowBlocks)) + (maxGap + 2) · epochLength
    ///   + 2 · max(appealWindow, t(appealWindowBlocks));
    /// - minProviderStake · lockShare ≥ 10,000 · collateralPerShard: who has the least stake can lock a shard;
    /// - repairBonusPerShard ≤ collateralPerShard / 2;
    /// - repairThresholds never fall;
    /// - the token answers `balanceOf`, the treasury is neither the token nor one of the group's contracts.
    /// @param groupParameters What the group is made with.
    /// @param salt Together with the caller it fixes the addresses; each can be used once.
    function createGroup(
        GroupParameters calldata groupParameters,
        bytes32 salt
    ) external returns (uint32 groupId, GroupContracts memory contracts);

    /// @notice Addresses that `createGroup` by `creator` with `salt` gives or gave.
    function predictGroup(address creator, bytes32 salt) external view returns (GroupContracts memory);

    /// @notice The hard limits.
    function limits() external view returns (Limits memory);

    /// @notice Groups made so far; the last one has this number.
    function groupCount() external view returns (uint32);

    /// @notice Logic contracts that the clones run.
    function implementations() external view returns (GroupContracts memory);

    /// @notice Version of the logic.
    function version() external pure returns (string memory);

    /// @notice Hash over every event of the factory, as in the contracts of a group.
    function rollingHash() external view returns (bytes32);
}
