// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Create3} from "@openzeppelin/contracts/utils/Create3.sol";
import {ERC165Checker} from "@openzeppelin/contracts/utils/introspection/ERC165Checker.sol";
import {IAllowances} from "./interfaces/IAllowances.sol";
import {IChallengeSettlement} from "./interfaces/IChallengeSettlement.sol";
import {IDisputes} from "./interfaces/IDisputes.sol";
import {GroupLimits} from "./GroupLimits.sol";
import {GroupContracts, GroupParameters} from "./interfaces/IGroup.sol";
import {IGroupFactory} from "./interfaces/IGroupFactory.sol";
import {IRepairs} from "./interfaces/IRepairs.sol";
import {IStaking} from "./interfaces/IStaking.sol";
import {IStorageOrders} from "./interfaces/IStorageOrders.sol";
import {CloneArguments} from "./libraries/CloneArguments.sol";
import {RollingHash} from "./libraries/RollingHash.sol";

/// @title Maker of groups
/// @notice Documented at `IGroupFactory`.
contract GroupFactory is GroupLimits {
    using ERC165Checker for address;
    using RollingHash for RollingHash.Chain;

    RollingHash.Chain private _events;

    /// @inheritdoc IGroupFactory
    uint32 public groupCount;

    address private immutable STAKING_LOGIC;
    address private immutable ORDERS_LOGIC;
    address private immutable SETTLEMENT_LOGIC;
    address private immutable DISPUTES_LOGIC;
    address private immutable REPAIRS_LOGIC;
    address private immutable ALLOWANCES_LOGIC;

    /// @param logic What the clones of every group run.
    /// @param chain What is true of the chain, whatever a group chooses.
    constructor(GroupContracts memory logic, ChainFacts memory chain) GroupLimits(chain) {
        STAKING_LOGIC = _checked(logic.staking, type(IStaking).interfaceId);
        ORDERS_LOGIC = _checked(logic.orders, type(IStorageOrders).interfaceId);
        SETTLEMENT_LOGIC = _checked(logic.settlement, type(IChallengeSettlement).interfaceId);
        DISPUTES_LOGIC = _checked(logic.disputes, type(IDisputes).interfaceId);
        REPAIRS_LOGIC = _checked(logic.repairs, type(IRepairs).interfaceId);
        ALLOWANCES_LOGIC = _checked(logic.allowances, type(IAllowances).interfaceId);
    }

    /// @inheritdoc IGroupFactory
    function createGroup(
        GroupParameters calldata groupParameters,
        bytes32 salt
    ) external returns (uint32 groupId, GroupContracts memory contracts) {
        contracts = predictGroup(msg.sender, salt);
        _check(groupParameters, contracts);
        groupId = ++groupCount;
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
