// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Create3} from "@openzeppelin/contracts/utils/Create3.sol";
import {ERC165Checker} from "@openzeppelin/contracts/utils/introspection/ERC165Checker.sol";
import {IAllowances} from "./interfaces/IAllowances.sol";
import {IChallengeSettlement} from "./interfaces/IChallengeSettlement.sol";
import {IDisputes} from "./interfaces/IDisputes.sol";
import {GroupContracts, GroupParameters} from "./interfaces/IGroup.sol";
import {IGroupFactory} from "./interfaces/IGroupFactory.sol";
import {IRepairs} from "./interfaces/IRepairs.sol";
import {IStaking} from "./interfaces/IStaking.sol";
import {IStorageOrders} from "./interfaces/IStorageOrders.sol";
import {CloneArguments} from "./libraries/CloneArguments.sol";
import {RollingHash} from "./libraries/RollingHash.sol";

/// @title Maker of groups
/// @notice Documented at `IGroupFactory`.
contract GroupFactory is IGroupFactory {
    using ERC165Checker for address;
    using RollingHash for RollingHash.Chain;

    uint256 private constant THRESHOLDS = 16;
    uint256 private constant THRESHOLD_BITS = 16;

    RollingHash.Chain private _events;

    /// @inheritdoc IGroupFactory
    uint32 public groupCount;

    address private immutable STAKING_LOGIC;
    address private immutable ORDERS_LOGIC;
    address private immutable SETTLEMENT_LOGIC;
    address private immutable DISPUTES_LOGIC;
    address private immutable REPAIRS_LOGIC;
    address private immutable ALLOWANCES_LOGIC;
    uint32 private immutable APPEAL_WINDOW_MIN;
    bool private immutable BLOBS;

    /// @param logic What the clones of every group run.
    /// @param chain What is true of the chain, whatever a group chooses.
    constructor(GroupContracts memory logic, ChainFacts memory chain) {
        STAKING_LOGIC = _checked(logic.staking, type(IStaking).interfaceId);
        ORDERS_LOGIC = _checked(logic.orders, type(IStorageOrders).interfaceId);
        SETTLEMENT_LOGIC = _checked(logic.settlement, type(IChallengeSettlement).interfaceId);
        DISPUTES_LOGIC = _checked(logic.disputes, type(IDisputes).interfaceId);
        REPAIRS_LOGIC = _checked(logic.repairs, type(IRepairs).interfaceId);
        ALLOWANCES_LOGIC = _checked(logic.allowances, type(IAllowances).interfaceId);
        APPEAL_WINDOW_MIN = chain.appealWindowMin;
        BLOBS = chain.blobs;
    }

    /// @inheritdoc IGroupFactory
    function createGroup(
        GroupParameters calldata groupParameters,
        bytes32 salt
    ) external returns (uint32 groupId, GroupContracts memory contracts) {
        _checkGroup(groupParameters);
        _checkMoney(groupParameters);
        _checkDisputes(groupParameters);
        _checkRepairs(groupParameters);
        groupId = ++groupCount;
        contracts = predictGroup(msg.sender, salt);
        CloneArguments.Arguments memory arguments = CloneArguments.Arguments({
            parameters: groupParameters,
            groupId: groupId,
            contracts: contracts
        });
        _deploy(_salt(msg.sender, salt, "Staking"), STAKING_LOGIC, arguments);
        _deploy(_salt(msg.sender, salt, "StorageOrders"), ORDERS_LOGIC, arguments);
        _deploy(_salt(msg.sender, salt, "ChallengeSettlement"), SETTLEMENT_LOGIC, arguments);
        _deploy(_salt(msg.sender, salt, "Disputes"), DISPUTES_LOGIC, arguments);
        _deploy(_salt(msg.sender, salt, "Repairs"), REPAIRS_LOGIC, arguments);
        _deploy(_salt(msg.sender, salt, "Allowances"), ALLOWANCES_LOGIC, arguments);
        _events.log(
            GroupCreated.selector,
            bytes32(uint256(groupId)),
            bytes32(uint256(uint160(contracts.settlement))),
            bytes32(uint256(uint160(msg.sender))),
            abi.encode(
                contracts.staking,
                contracts.orders,
                contracts.disputes,
                contracts.repairs,
                contracts.allowances,
                groupParameters
            )
        );
    }

    /// @inheritdoc IGroupFactory
    function predictGroup(address creator, bytes32 salt) public view returns (GroupContracts memory) {
        return
            GroupContracts({
                staking: Create3.computeAddress(_salt(creator, salt, "Staking")),
                orders: Create3.computeAddress(_salt(creator, salt, "StorageOrders")),
                settlement: Create3.computeAddress(_salt(creator, salt, "ChallengeSettlement")),
                disputes: Create3.computeAddress(_salt(creator, salt, "Disputes")),
                repairs: Create3.computeAddress(_salt(creator, salt, "Repairs")),
                allowances: Create3.computeAddress(_salt(creator, salt, "Allowances"))
            });
    }

    /// @inheritdoc IGroupFactory
    function implementations() external view returns (GroupContracts memory) {
        return
            GroupContracts({
                staking: STAKING_LOGIC,
                orders: ORDERS_LOGIC,
                settlement: SETTLEMENT_LOGIC,
                disputes: DISPUTES_LOGIC,
                repairs: REPAIRS_LOGIC,
                allowances: ALLOWANCES_LOGIC
            });
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
    function limits() public view returns (Limits memory) {
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
                minPriceMax: 1e36,
                appealWindowMin: APPEAL_WINDOW_MIN,
                appealWindowMax: 30 days,
                appealWindowBlocksMin: 5,
                appealWindowBlocksMax: 2_000_000,
                protectionEpochsMax: 10_000,
                shareMax: 10_000,
                // Who cannot raise the bond cannot challenge.
                challengeBondMax: 10 ether,
                thresholdMin: 2,
                offerEpochsMax: 1024,
                // Counters of expired offers have 8 bits.
                offerExpiriesMax: 255,
                coolOffEpochsMax: 10_000,
                freezeEpochsMax: 1024,
                repairBudgetMax: 1_000_000,
                rejoinEpochsMax: 10_000,
                blobAnswersMax: BLOBS
            });
    }

    function _checkGroup(GroupParameters calldata p) private view {
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
        _range("confirmations", p.confirmations, 1, hard.confirmationsMax);
        _range("maxGap", p.maxGap, 1, hard.maxGapMax);
        _range("samples", p.samples, 1, hard.samplesMax);
        _range("termLength", p.termLength, hard.termLengthMin, hard.termLengthMax);
    }

    function _checkMoney(GroupParameters calldata p) private view {
        Limits memory hard = limits();
        _range("payerDelay", p.payerDelay, p.epochLength, hard.payerDelayMax);
        _range("minKeeperStake", p.minKeeperStake, 1, hard.stakeMax);
        _range("minProviderStake", p.minProviderStake, 1, hard.stakeMax);
        _range("collateralPerShard", p.collateralPerShard, 1, hard.collateralPerShardMax);
        _range("minPrice", p.minPrice, hard.minPriceMin, hard.minPriceMax);
    }

    function _checkDisputes(GroupParameters calldata p) private view {
        Limits memory hard = limits();
        _range("appealWindow", p.appealWindow, hard.appealWindowMin, hard.appealWindowMax);
        _range("appealWindowBlocks", p.appealWindowBlocks, hard.appealWindowBlocksMin, hard.appealWindowBlocksMax);
        _range("protectionEpochs", p.protectionEpochs, 0, hard.protectionEpochsMax);
        _range("evictionCap", p.evictionCap, 1, hard.shareMax);
        _range("challengeBond", p.challengeBond, 1, hard.challengeBondMax);
        // Whoever withdraws stake was within reach of everything that its epochs can still bring.
        uint256 windows = p.applyWindow + (uint256(p.maxGap) + 2) * p.epochLength + 2 * uint256(p.appealWindow);
        _range("unbondingDelay", p.unbondingDelay, windows, hard.unbondingDelayMax);
    }

    function _checkRepairs(GroupParameters calldata p) private view {
        Limits memory hard = limits();
        _range("repairBonusPerShard", p.repairBonusPerShard, 0, p.collateralPerShard / 2);
        uint256 previous = hard.thresholdMin;
        for (uint256 i = 0; i < THRESHOLDS; ++i) {
            uint256 threshold = uint16(uint256(p.repairThresholds) >> (THRESHOLD_BITS * (THRESHOLDS - 1 - i)));
            _range("repairThresholds", threshold, previous, type(uint16).max);
            previous = threshold;
        }
        _range("offerEpochs", p.offerEpochs, 1, hard.offerEpochsMax);
        _range("offerExpiries", p.offerExpiries, 1, hard.offerExpiriesMax);
        _range("coolOffEpochs", p.coolOffEpochs, 0, hard.coolOffEpochsMax);
        _range("freezeShare", p.freezeShare, 1, hard.shareMax);
        _range("freezeEpochs", p.freezeEpochs, 0, hard.freezeEpochsMax);
        _range("repairBudget", p.repairBudget, 1, hard.repairBudgetMax);
        _range("rejoinEpochs", p.rejoinEpochs, 1, hard.rejoinEpochsMax);
        _range("lockShare", p.lockShare, 1, hard.shareMax);
        _range("blobAnswers", p.blobAnswers ? 1 : 0, 0, hard.blobAnswersMax ? 1 : 0);
    }

    function _range(string memory name, uint256 value, uint256 min, uint256 max) private pure {
        if (value < min || value > max) revert ParameterOutOfRange(name, value, min, max);
    }

    /// @dev Logic in the wrong place would give groups that nobody can repair.
    function _checked(address implementation, bytes4 interfaceId) private view returns (address) {
        if (implementation.code.length == 0) revert ImplementationMissing(implementation);
        if (!implementation.supportsInterface(interfaceId)) revert ImplementationWrong(implementation, interfaceId);
        return implementation;
    }

    function _deploy(bytes32 salt, address implementation, CloneArguments.Arguments memory arguments) private {
        Create3.deploy(0, salt, CloneArguments.creationCode(implementation, arguments));
    }

    function _salt(address creator, bytes32 salt, string memory name) private pure returns (bytes32) {
        return keccak256(abi.encode(creator, salt, name));
    }
}
