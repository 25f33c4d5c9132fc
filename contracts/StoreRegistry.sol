// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IStoreRegistry} from "./interfaces/IStoreRegistry.sol";
import {RollingHash} from "./libraries/RollingHash.sol";

/// @title Registry of key-value stores
/// @notice Documented at `IStoreRegistry`.
contract StoreRegistry is IStoreRegistry {
    using RollingHash for RollingHash.Chain;

    uint16 private constant PARTITIONS_MAX = 1024;
    uint8 private constant REPLICAS_MAX = 9;
    uint256 private constant MEMBERS_MAX = 128;
    uint256 private constant ENDPOINT_BYTES_MAX = 256;

    struct Record {
        address owner;
        uint64 configuration;
        uint32 lastMemberId;
        address pendingOwner;
        uint64 manifestVersion;
        bool closed;
        bytes32 manifestHash;
        Policy policy;
        /// Ascending: numbers rise, and removing keeps the order.
        uint32[] memberIds;
    }

    /// @dev Every event goes through this chain; `emit` is not used.
    RollingHash.Chain private _events;
    mapping(uint32 storeId => Record record) private _stores;

    /// @dev 0 for numbers that nobody has or had; `memberOf` is its inverse: both name each other or nobody.
    mapping(uint32 storeId => mapping(uint32 memberId => address operator) operators) private _operators;

    /// @inheritdoc IStoreRegistry
    mapping(uint32 storeId => mapping(address operator => uint32 memberId) memberIds) public memberOf;

    /// @inheritdoc IStoreRegistry
    uint32 public storeCount;

    // ------------------------------------------------------------------------------------------------------ stores

    /// @inheritdoc IStoreRegistry
    function createStore(
        Policy calldata policy,
        NewMember[] calldata newMembers,
        bytes32 manifestHash
    ) external returns (uint32 storeId) {
        _checkPolicy(policy);
        _checkCount(newMembers.length, policy.replicas);
        storeId = ++storeCount;
        Record storage record = _stores[storeId];
        (record.owner, record.policy, record.configuration) = (msg.sender, policy, 1);
        _events.log(StoreCreated.selector, _topic(storeId), _topic(msg.sender), abi.encode(policy));
        for (uint256 i = 0; i < newMembers.length; ++i) _add(record, storeId, newMembers[i]);
        _setManifest(record, storeId, manifestHash);
    }

    /// @inheritdoc IStoreRegistry
    function setManifest(uint32 storeId, uint64 version_, bytes32 manifestHash, uint64 configuration) external {
        Record storage record = _ownRecord(storeId);
        uint64 expected = record.manifestVersion + 1;
        if (version_ != expected) revert ManifestVersionWrong(storeId, version_, expected);
        _checkConfiguration(record, storeId, configuration);
        _setManifest(record, storeId, manifestHash);
    }

    /// @inheritdoc IStoreRegistry
    function setPolicy(uint32 storeId, Policy calldata policy, uint64 configuration) external {
        Record storage record = _ownRecord(storeId);
        _checkConfiguration(record, storeId, configuration);
        Policy memory former = record.policy;
        if (policy.partitions != former.partitions) revert PartitionsFixed(policy.partitions, former.partitions);
        _checkPolicy(policy);
        (uint8 replicas, uint8 before) = (policy.replicas, former.replicas);
        if (replicas > before + 1 || replicas + 1 < before) revert ReplicasStepTooLarge(replicas, before);
        _checkCount(record.memberIds.length, replicas);
        record.policy = policy;
        uint64 next = ++record.configuration;
        _events.log(PolicySet.selector, _topic(storeId), _topic(msg.sender), abi.encode(next, policy));
    }

    /// @inheritdoc IStoreRegistry
    function closeStore(uint32 storeId) external {
        _ownRecord(storeId).closed = true;
        _events.log(StoreClosed.selector, _topic(storeId), _topic(msg.sender), "");
    }

    /// @inheritdoc IStoreRegistry
    function transferOwnership(uint32 storeId, address to) external {
        _ownRecord(storeId).pendingOwner = to;
        _events.log(OwnershipTransferStarted.selector, _topic(storeId), _topic(msg.sender), _topic(to), "");
    }

    /// @inheritdoc IStoreRegistry
    function acceptOwnership(uint32 storeId) external {
        Record storage record = _openRecord(storeId);
        address pending = record.pendingOwner;
        if (msg.sender != pending) revert NotPendingOwner(msg.sender, pending);
        address from = record.owner;
        (record.owner, record.pendingOwner) = (pending, address(0));
        _events.log(OwnershipTransferred.selector, _topic(storeId), _topic(from), _topic(pending), "");
    }

    // ----------------------------------------------------------------------------------------------------- members

    /// @inheritdoc IStoreRegistry
    function addMember(
        uint32 storeId,
        NewMember calldata newMember,
        uint64 configuration
    ) external returns (uint32 memberId) {
        Record storage record = _ownRecord(storeId);
        _checkConfiguration(record, storeId, configuration);
        _checkCount(record.memberIds.length + 1, record.policy.replicas);
        ++record.configuration;
        return _add(record, storeId, newMember);
    }

    /// @inheritdoc IStoreRegistry
    function removeMember(uint32 storeId, uint32 memberId, uint64 configuration) external {
        Record storage record = _ownRecord(storeId);
        _checkConfiguration(record, storeId, configuration);
        address operator = _operatorOf(storeId, memberId);
        _checkCount(record.memberIds.length - 1, record.policy.replicas);
        _drop(record, storeId, memberId, operator);
        uint64 next = ++record.configuration;
        _events.log(MemberRemoved.selector, _topic(storeId), _topic(memberId), _topic(operator), abi.encode(next));
    }

    /// @inheritdoc IStoreRegistry
    function rejoin(
        uint32 storeId,
        uint32 memberId,
        string calldata endpoint,
        uint64 configuration
    ) external returns (uint32 newMemberId) {
        Record storage record = _openRecord(storeId);
        address operator = _ownMember(record, storeId, memberId);
        _checkConfiguration(record, storeId, configuration);
        _drop(record, storeId, memberId, operator);
        newMemberId = _take(record, storeId, operator, endpoint);
        _events.log(
            MemberRejoined.selector,
            _topic(storeId),
            _topic(newMemberId),
            _topic(operator),
            abi.encode(memberId, ++record.configuration, endpoint)
        );
    }

    /// @inheritdoc IStoreRegistry
    function setMemberOperator(uint32 storeId, uint32 memberId, address operator, uint64 configuration) external {
        Record storage record = _ownRecord(storeId);
        _checkConfiguration(record, storeId, configuration);
        address former = _operatorOf(storeId, memberId);
        _checkOperator(storeId, operator);
        memberOf[storeId][former] = 0;
        memberOf[storeId][operator] = memberId;
        _operators[storeId][memberId] = operator;
        _events.log(
            MemberOperatorChanged.selector,
            _topic(storeId),
            _topic(memberId),
            _topic(operator),
            abi.encode(former, ++record.configuration)
        );
    }

    /// @inheritdoc IStoreRegistry
    function setMemberEndpoint(uint32 storeId, uint32 memberId, string calldata endpoint) external {
        _ownMember(_openRecord(storeId), storeId, memberId);
        _checkEndpoint(endpoint);
        _events.log(
            MemberEndpointChanged.selector,
            _topic(storeId),
            _topic(memberId),
            _topic(msg.sender),
            abi.encode(endpoint)
        );
    }

    // ------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IStoreRegistry
    function store(uint32 storeId) external view returns (Store memory) {
        Record storage record = _record(storeId);
        return
            Store({
                owner: record.owner,
                pendingOwner: record.pendingOwner,
                configuration: record.configuration,
                manifestVersion: record.manifestVersion,
                manifestHash: record.manifestHash,
                policy: record.policy,
                memberCount: uint32(record.memberIds.length),
                lastMemberId: record.lastMemberId,
                closed: record.closed
            });
    }

    /// @inheritdoc IStoreRegistry
    function members(uint32 storeId, uint32 from, uint32 count) external view returns (Member[] memory) {
        return _members(_record(storeId), storeId, from, count);
    }

    /// @inheritdoc IStoreRegistry
    function member(uint32 storeId, uint32 memberId) external view returns (Member memory) {
        _record(storeId);
        return Member(memberId, _operatorOf(storeId, memberId));
    }

    /// @inheritdoc IStoreRegistry
    function configurationHash(uint32 storeId) external view returns (bytes32) {
        Record storage record = _record(storeId);
        return
            keccak256(
                abi.encode(
                    block.chainid,
                    address(this),
                    storeId,
                    record.configuration,
                    record.policy,
                    _members(record, storeId, 0, MEMBERS_MAX)
                )
            );
    }

    /// @inheritdoc IStoreRegistry
    function rollingHash() external view returns (bytes32) {
        return _events.head;
    }

    /// @inheritdoc IStoreRegistry
    function version() external pure returns (string memory) {
        return "1";
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IStoreRegistry).interfaceId || interfaceId == type(IERC165).interfaceId;
    }

    // ---------------------------------------------------------------------------------------------------- internal

    function _setManifest(Record storage record, uint32 storeId, bytes32 manifestHash) private {
        if (manifestHash == 0) revert ManifestMissing();
        record.manifestHash = manifestHash;
        _events.log(
            ManifestSet.selector,
            _topic(storeId),
            _topic(msg.sender),
            abi.encode(++record.manifestVersion, manifestHash, record.configuration)
        );
    }

    function _add(Record storage record, uint32 storeId, NewMember calldata newMember) private returns (uint32 id) {
        (address operator, string calldata endpoint) = (newMember.operator, newMember.endpoint);
        id = _take(record, storeId, operator, endpoint);
        _events.log(
            MemberAdded.selector,
            _topic(storeId),
            _topic(id),
            _topic(operator),
            abi.encode(record.configuration, endpoint)
        );
    }

    /// @dev The next number for an operator that has none.
    function _take(
        Record storage record,
        uint32 storeId,
        address operator,
        string calldata endpoint
    ) private returns (uint32 id) {
        _checkOperator(storeId, operator);
        _checkEndpoint(endpoint);
        id = ++record.lastMemberId;
        record.memberIds.push(id);
        _operators[storeId][id] = operator;
        memberOf[storeId][operator] = id;
    }

    function _drop(Record storage record, uint32 storeId, uint32 memberId, address operator) private {
        uint32[] storage ids = record.memberIds;
        uint256 last = ids.length - 1;
        uint32 above = ids[last];
        ids.pop();
        // Each number moves down by one place, until the one that leaves has made room.
        for (uint256 i = last; above != memberId;) {
            uint32 below = ids[--i];
            ids[i] = above;
            above = below;
        }
        delete _operators[storeId][memberId];
        delete memberOf[storeId][operator];
    }

    function _members(
        Record storage record,
        uint32 storeId,
        uint256 from,
        uint256 count
    ) private view returns (Member[] memory page) {
        uint256 length = record.memberIds.length;
        if (from > length) from = length;
        if (count > length - from) count = length - from;
        page = new Member[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint32 id = record.memberIds[from + i];
            page[i] = Member(id, _operators[storeId][id]);
        }
    }

    function _record(uint32 storeId) private view returns (Record storage record) {
        record = _stores[storeId];
        if (record.owner == address(0)) revert StoreUnknown(storeId);
    }

    function _openRecord(uint32 storeId) private view returns (Record storage record) {
        record = _record(storeId);
        if (record.closed) revert StoreIsClosed(storeId);
    }

    function _ownRecord(uint32 storeId) private view returns (Record storage record) {
        record = _openRecord(storeId);
        if (msg.sender != record.owner) revert NotStoreOwner(msg.sender, record.owner);
    }

    /// @return operator Of the member, which the caller is unless it owns the store.
    function _ownMember(
        Record storage record,
        uint32 storeId,
        uint32 memberId
    ) private view returns (address operator) {
        operator = _operatorOf(storeId, memberId);
        if (msg.sender != operator && msg.sender != record.owner) revert NotMemberOrOwner(msg.sender, memberId);
    }

    function _operatorOf(uint32 storeId, uint32 memberId) private view returns (address operator) {
        operator = _operators[storeId][memberId];
        if (operator == address(0)) revert MemberUnknown(storeId, memberId);
    }

    function _checkConfiguration(Record storage record, uint32 storeId, uint64 configuration) private view {
        uint64 current = record.configuration;
        if (configuration != current) revert ConfigurationStale(storeId, configuration, current);
    }

    function _checkOperator(uint32 storeId, address operator) private view {
        if (operator == address(0)) revert OperatorMissing();
        uint32 taken = memberOf[storeId][operator];
        if (taken != 0) revert OperatorTaken(operator, taken);
    }

    function _checkEndpoint(string calldata endpoint) private pure {
        uint256 length = bytes(endpoint).length;
        if (length == 0 || length > ENDPOINT_BYTES_MAX) revert EndpointLengthInvalid(length, ENDPOINT_BYTES_MAX);
    }

    function _checkCount(uint256 count, uint256 replicas) private pure {
        if (count < replicas || count > MEMBERS_MAX) revert MemberCountInvalid(count, replicas, MEMBERS_MAX);
    }

    function _checkPolicy(Policy calldata policy) private pure {
        uint16 partitions = policy.partitions;
        bool isPower = partitions != 0 && partitions & (partitions - 1) == 0;
        if (!isPower || partitions > PARTITIONS_MAX) revert PartitionsInvalid(partitions, PARTITIONS_MAX);
        (uint8 replicas, uint8 quorum) = (policy.replicas, policy.writeQuorum);
        if (replicas == 0 || replicas > REPLICAS_MAX) revert ReplicasInvalid(replicas, REPLICAS_MAX);
        uint8 majority = replicas / 2 + 1;
        if (quorum < majority || quorum > replicas) revert WriteQuorumInvalid(quorum, majority, replicas);
        if (policy.writes == Consistency.Session) revert WritesInvalid(policy.writes);
    }

    function _topic(uint256 value) private pure returns (bytes32) {
        return bytes32(value);
    }

    function _topic(address value) private pure returns (bytes32) {
        return bytes32(uint256(uint160(value)));
    }
}
