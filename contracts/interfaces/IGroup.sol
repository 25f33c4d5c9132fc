// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

/// @notice Everything a group is made with. Fixed for the life of the group; `GroupFactory` checks each value against
/// hard limits.
struct GroupParameters {
    /// ERC-20 in which stake, prices and fees are counted.
    address token;
    /// Receives the treasury's part; cannot be changed.
    address treasury;
    /// Unix seconds at which epoch 0 starts.
    uint64 genesis;
    /// Seconds.
    uint32 epochLength;
    /// Seconds from the start of an epoch to the earliest block that seeds its challenges.
    uint32 seedDelay;
    /// Seconds from then to the cut-off of proofs.
    uint32 answerWindow;
    /// An epoch lapses once this many seconds ...
    uint32 applyWindow;
    /// ... and this many blocks have passed since its certificate.
    uint32 applyWindowBlocks;
    /// Seconds that an announced withdrawal of a payer waits.
    uint32 payerDelay;
    /// Seconds that unlocked stake waits before it can be withdrawn.
    uint32 unbondingDelay;
    /// Blocks after which every node of the group takes a block for final.
    uint16 confirmations;
    /// Epochs of a gap that still count; what is longer is dead.
    uint16 maxGap;
    /// Shards sampled per provider and epoch.
    uint16 samples;
    /// Epochs per term of a roster.
    uint32 termLength;
    uint128 minKeeperStake;
    uint128 minProviderStake;
    /// Stake that one shard locks.
    uint128 collateralPerShard;
    /// Lowest price of an order, in token wei per 2^32 shard-epochs of one slot.
    uint128 minPrice;
    /// Lost records can be appealed, and direct challenges answered, for this many seconds ...
    uint32 appealWindow;
    /// ... and at least this many blocks.
    uint32 appealWindowBlocks;
    /// Epochs after a won appeal in which lost records of the provider slash nothing.
    uint16 protectionEpochs;
    /// Most of the group's shards that lost leaves of one epoch can evict, in hundredths of a percent; one slot always.
    uint16 evictionCap;
    /// Lowest bond of a direct challenge, native wei.
    uint128 challengeBond;
    /// Most that the repairer of a slot gets on top of its pay, per shard, token wei.
    uint128 repairBonusPerShard;
    /// Sixteen numbers of 16 bits, the first in the highest bits: U_r = epochs to wait with r spare parities left.
    bytes32 repairThresholds;
    /// Epochs after that of its certificate in which an offer can be accepted.
    uint16 offerEpochs;
    /// Expired offers after which a vacant slot can be given up.
    uint16 offerExpiries;
    /// Epochs after a missed epoch or an expired offer in which a provider is offered nothing.
    uint16 coolOffEpochs;
    /// Share of the group's shards, in hundredths of a percent, whose unavailability at once is a mass outage.
    uint16 freezeShare;
    /// Epochs for which a mass outage holds up evictions.
    uint16 freezeEpochs;
    /// Most slots that the lost leaves of one epoch name.
    uint32 repairBudget;
    /// Epochs after a slash in which a provider takes no new slots, and after leaving its seat in which a keeper takes
    /// none.
    uint16 rejoinEpochs;
    /// Most of a provider's stake that can be locked anew in one epoch, in hundredths of a percent.
    uint16 lockShare;
    /// Whether an answer to a direct challenge can be demanded as a blob. Only where anybody can send blob
    /// transactions: elsewhere nobody could answer.
    bool blobAnswers;
}

/// @notice The contracts of one group, or the logic that they run.
struct GroupContracts {
    address staking;
    address orders;
    address settlement;
    address disputes;
    address repairs;
    address allowances;
}

/// @notice What every contract of a group answers. By ERC-165 it also says which one it is: it supports `IERC165`,
/// `IGroup` and the interface that its place in the group asks for, the latter's id over its own functions alone.
interface IGroup is IERC165 {
    /// @notice Only the named contract of the same group may call.
    error CallerNotAllowed(address caller);

    /// @notice Version of the logic behind this address.
    function version() external pure returns (string memory);

    /// @notice Number of the group at its factory, from 1.
    function groupId() external view returns (uint32);

    /// @notice The values the group was made with.
    function parameters() external view returns (GroupParameters memory);

    /// @notice The contracts of this group.
    function groupContracts() external view returns (GroupContracts memory);

    /// @notice Hash over every event of this contract in log order: h' = keccak256(h ‖ keccak256(topics ‖ data)), from
    /// zero. Who holds all logs computes the same value and so knows that none is missing.
    function rollingHash() external view returns (bytes32);
}
