// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Create3} from "@openzeppelin/contracts/utils/Create3.sol";
import {GroupParameters} from "./interfaces/IGroup.sol";
import {IGroupFactory} from "./interfaces/IGroupFactory.sol";
import {CloneArguments} from "./libraries/CloneArguments.sol";
import {RollingHash} from "./libraries/RollingHash.sol";

/// @title Maker of groups
/// @notice Documented at `IGroupFactory`.
contract GroupFactory is IGroupFactory {
    using RollingHash for RollingHash.Chain;

    RollingHash.Chain private _events;

    /// @inheritdoc IGroupFactory
    uint32 public groupCount;

    address private immutable STAKING_LOGIC;
    address private immutable ORDERS_LOGIC;
    address private immutable SETTLEMENT_LOGIC;

    constructor(address stakingLogic, address ordersLogic, address settlementLogic) {
        _requireCode(stakingLogic);
        _requireCode(ordersLogic);
        _requireCode(settlementLogic);
        STAKING_LOGIC = stakingLogic;
        ORDERS_LOGIC = ordersLogic;
        SETTLEMENT_LOGIC = settlementLogic;
    }

    /// @inheritdoc IGroupFactory
    function createGroup(
        GroupParameters calldata groupParameters,
        bytes32 salt
    ) external returns (uint32 groupId, address staking, address orders, address settlement) {
        _check(groupParameters);
        groupId = ++groupCount;
        (staking, orders, settlement) = predictGroup(msg.sender, salt);
        CloneArguments.Arguments memory arguments = CloneArguments.Arguments({
            parameters: groupParameters,
            groupId: groupId,
            staking: staking,
            orders: orders,
            settlement: settlement
        });
        _deploy(_salt(msg.sender, salt, "Staking"), STAKING_LOGIC, arguments);
        _deploy(_salt(msg.sender, salt, "StorageOrders"), ORDERS_LOGIC, arguments);
        _deploy(_salt(msg.sender, salt, "ChallengeSettlement"), SETTLEMENT_LOGIC, arguments);
        _events.log(
            GroupCreated.selector,
            bytes32(uint256(groupId)),
            bytes32(uint256(uint160(settlement))),
            bytes32(uint256(uint160(msg.sender))),
            abi.encode(staking, orders, groupParameters)
        );
    }

    /// @inheritdoc IGroupFactory
    function predictGroup(
        address creator,
        bytes32 salt
    ) public view returns (address staking, address orders, address settlement) {
        staking = Create3.computeAddress(_salt(creator, salt, "Staking"));
        orders = Create3.computeAddress(_salt(creator, salt, "StorageOrders"));
        settlement = Create3.computeAddress(_salt(creator, salt, "ChallengeSettlement"));
    }

    /// @inheritdoc IGroupFactory
    function implementations() external view returns (address staking, address orders, address settlement) {
        return (STAKING_LOGIC, ORDERS_LOGIC, SETTLEMENT_LOGIC);
    }

    /// @inheritdoc IGroupFactory
    function rollingHash() external view returns (bytes32) {
        return _events.head;
    }

    /// @inheritdoc IGroupFactory
    function version() external pure returns (string memory) {
        return "1";
    }

    /// @inheritdoc IGroupFactory
    function limits() public pure returns (Limits memory) {
        return
            Limits({
                epochLengthMin: 10 seconds,
                epochLengthMax: 7 days,
                genesisDistanceMax: 30 days,
                seedDelayMin: 4 seconds,
                answerWindowMin: 4 seconds,
                applyWindowMin: 60 seconds,
                applyWindowMax: 30 days,
                applyWindowBlocksMin: 5,
                applyWindowBlocksMax: 2_000_000,
                payerDelayMax: 90 days,
                unbondingDelayMax: 730 days,
                confirmationsMax: 1024,
                maxGapMax: 64,
                samplesMax: 1024,
                termLengthMin: 2,
                // Counters of absences have 16 bits.
                termLengthMax: 65_535,
                // Balances of stake have 96 bits; far below that, sums cannot overflow.
                stakeMax: 1e27,
                collateralPerShardMax: 1e24,
                // The treasury's hundredth of one shard's epoch is never zero.
                minPriceMin: 100 << 32,
                minPriceMax: 1e36
            });
    }

    function _check(GroupParameters calldata p) private view {
        if (p.token.code.length == 0) revert TokenNotContract(p.token);
        if (p.treasury == address(0)) revert TreasuryMissing();
        Limits memory hard = limits();
        uint256 distance = hard.genesisDistanceMax;
        _range("genesis", p.genesis, block.timestamp - distance, block.timestamp + distance);
        _range("epochLength", p.epochLength, hard.epochLengthMin, hard.epochLengthMax);
        _range("seedDelay", p.seedDelay, hard.seedDelayMin, p.epochLength);
        _range("answerWindow", p.answerWindow, hard.answerWindowMin, p.epochLength - p.seedDelay);
        _range("applyWindow", p.applyWindow, hard.applyWindowMin, hard.applyWindowMax);
        _range("applyWindowBlocks", p.applyWindowBlocks, hard.applyWindowBlocksMin, hard.applyWindowBlocksMax);
        _range("payerDelay", p.payerDelay, p.epochLength, hard.payerDelayMax);
        _range("confirmations", p.confirmations, 1, hard.confirmationsMax);
        _range("maxGap", p.maxGap, 1, hard.maxGapMax);
        uint256 windows = uint256(p.applyWindow) + (uint256(p.maxGap) + 2) * p.epochLength;
        _range("unbondingDelay", p.unbondingDelay, windows, hard.unbondingDelayMax);
        _range("samples", p.samples, 1, hard.samplesMax);
        _range("termLength", p.termLength, hard.termLengthMin, hard.termLengthMax);
        _range("minKeeperStake", p.minKeeperStake, 1, hard.stakeMax);
        _range("minProviderStake", p.minProviderStake, 1, hard.stakeMax);
        _range("collateralPerShard", p.collateralPerShard, 1, hard.collateralPerShardMax);
        _range("minPrice", p.minPrice, hard.minPriceMin, hard.minPriceMax);
    }

    function _range(string memory name, uint256 value, uint256 min, uint256 max) private pure {
        if (value < min || value > max) revert ParameterOutOfRange(name, value, min, max);
    }

    function _requireCode(address implementation) private view {
        if (implementation.code.length == 0) revert ImplementationMissing(implementation);
    }

    function _deploy(bytes32 salt, address implementation, CloneArguments.Arguments memory arguments) private {
        Create3.deploy(0, salt, CloneArguments.creationCode(implementation, arguments));
    }

    function _salt(address creator, bytes32 salt, string memory name) private pure returns (bytes32) {
        return keccak256(abi.encode(creator, salt, name));
    }
}
