// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {GroupParameters} from "./IGroup.sol";

interface IGroupFactoryErrors {
    /// @notice A parameter is outside the hard limits; `name` is its field.
    error ParameterOutOfRange(string name, uint256 value, uint256 min, uint256 max);
    /// @notice The token has no code.
    error TokenNotContract(address token);
    /// @notice A logic contract has no code.
    error ImplementationMissing(address implementation);
    /// @notice The treasury must be an address that can be paid.
    error TreasuryMissing();
}

interface IGroupFactoryTypes {
    /// @notice Hard limits of group parameters, both ends allowed. What they mean is at `GroupParameters`.
    struct Limits {
        uint32 epochLengthMin;
        uint32 epochLengthMax;
        /// Genesis may lie this many seconds before or after the block that makes the group.
        uint32 genesisDistanceMax;
        uint32 seedDelayMin;
        uint32 answerWindowMin;
        uint32 applyWindowMin;
        uint32 applyWindowMax;
        uint32 applyWindowBlocksMin;
        uint32 applyWindowBlocksMax;
        uint32 payerDelayMax;
        uint32 unbondingDelayMax;
        uint16 confirmationsMax;
        uint16 maxGapMax;
        uint16 samplesMax;
        uint32 termLengthMin;
        uint32 termLengthMax;
        uint128 stakeMax;
        uint128 collateralPerShardMax;
        uint128 minPriceMin;
        uint128 minPriceMax;
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
        GroupParameters parameters
    );
}

/// @title Maker of groups
/// @notice Clones the three contracts of a group with parameters that are part of their code. Nobody can change or
/// pause a group afterwards, the factory included.
interface IGroupFactory is IGroupFactoryErrors, IGroupFactoryTypes, IGroupFactoryEvents {
    /// @notice Makes a group.
    /// @dev Requires every parameter within `limits()`, seedDelay + answerWindow ≤ epochLength,
    /// payerDelay ≥ epochLength, and unbondingDelay ≥ applyWindow + (maxGap + 2) · epochLength.
    /// @param groupParameters What the group is made with.
    /// @param salt Together with the caller it fixes the addresses; each can be used once.
    function createGroup(
        GroupParameters calldata groupParameters,
        bytes32 salt
    ) external returns (uint32 groupId, address staking, address orders, address settlement);

    /// @notice Addresses that `createGroup` by `creator` with `salt` gives or gave.
    function predictGroup(
        address creator,
        bytes32 salt
    ) external view returns (address staking, address orders, address settlement);

    /// @notice The hard limits.
    function limits() external pure returns (Limits memory);

    /// @notice Groups made so far; the last one has this number.
    function groupCount() external view returns (uint32);

    /// @notice Logic contracts that the clones run.
    function implementations() external view returns (address staking, address orders, address settlement);

    /// @notice Version of the logic.
    function version() external pure returns (string memory);

    /// @notice Hash over every event of the factory, as in the contracts of a group.
    function rollingHash() external view returns (bytes32);
}
