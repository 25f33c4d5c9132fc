// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

interface IStoreRegistryTypes {
    /// @notice What a request that does not say so itself gets.
    enum Consistency {
        /// One after the other, as on one machine.
        Strong,
        /// Never older than what the same client saw or wrote.
        Session,
        /// Acknowledged by one node; ordered later.
        Eventual
    }

    /// @notice How a store keeps its keys.
    struct Policy {
        /// Keys hash into so many partitions: a power of two up to 1,024, fixed for the life of the store.
        uint16 partitions;
        /// Members that hold each partition.
        uint8 replicas;
        /// Replicas on which a value is durable before a write is acknowledged: more than half of them.
        uint8 writeQuorum;
        Consistency reads;
        /// Strong or eventual: sessions are about reads.
        Consistency writes;
    }

    /// @notice Who joins a store.
    struct NewMember {
        /// Signs as the member; of one member of the store only, as one disk must not count twice.
        address operator;
        /// Where the member is reached, 1 to 256 bytes.
        string endpoint;
    }

    /// @notice Who belongs to a store. Endpoints are in events only.
    struct Member {
        /// Numbered from 1 in the order of joining; a number is never used again.
        uint32 id;
        address operator;
    }

    struct Store {
        address owner;
        /// Who may accept the store, or 0.
        address pendingOwner;
        /// Rises by one with every change of members, operators or policy, from 1.
        uint64 configuration;
        /// Rises by one with every manifest, from 1.
        uint64 manifestVersion;
        bytes32 manifestHash;
        Policy policy;
        uint32 memberCount;
        /// Number of the member that joined last.
        uint32 lastMemberId;
        /// Nothing can be changed any more.
        bool closed;
    }
}

interface IStoreRegistryErrors is IStoreRegistryTypes {
    /// @notice There is no such store.
    error StoreUnknown(uint32 storeId);
    /// @notice A closed store is as it was.
    error StoreIsClosed(uint32 storeId);
    /// @notice Only the store's owner may do this.
    error NotStoreOwner(address caller, address owner);
    /// @notice The store was offered to somebody else, or to nobody.
    error NotPendingOwner(address caller, address pendingOwner);
    /// @notice Only the member's operator or the store's owner may do this.
    error NotMemberOrOwner(address caller, uint32 memberId);
    /// @notice Something was changed meanwhile; look again before changing more.
    error ConfigurationStale(uint32 storeId, uint64 given, uint64 current);
    /// @notice Manifests are numbered without gaps; somebody else may have set this one.
    error ManifestVersionWrong(uint32 storeId, uint64 given, uint64 expected);
    /// @notice A manifest's hash is not zero.
    error ManifestMissing();
    /// @notice Nobody has this number, or not any more.
    error MemberUnknown(uint32 storeId, uint32 memberId);
    /// @notice An operator is an address other than zero.
    error OperatorMissing();
    /// @notice The address is the operator of another member already.
    error OperatorTaken(address operator, uint32 memberId);
    /// @notice The endpoint is empty or too long.
    error EndpointLengthInvalid(uint256 length, uint256 max);
    /// @notice A store has as many members as replicas at least, and a bounded number.
    error MemberCountInvalid(uint256 count, uint256 min, uint256 max);
    /// @notice Not a power of two, or more than there may be.
    error PartitionsInvalid(uint16 partitions, uint16 max);
    /// @notice A store keeps the partitions that it was made with.
    error PartitionsFixed(uint16 given, uint16 partitions);
    /// @notice No replica, or more than there may be.
    error ReplicasInvalid(uint8 replicas, uint8 max);
    /// @notice Old and new majorities meet only if replicas change by one at a time.
    error ReplicasStepTooLarge(uint8 given, uint8 replicas);
    /// @notice Less than a majority of the replicas, or more than all.
    error WriteQuorumInvalid(uint8 writeQuorum, uint8 min, uint8 max);
    /// @notice Writes are strong or eventual.
    error WritesInvalid(Consistency writes);
}

interface IStoreRegistryEvents is IStoreRegistryTypes {
    /// @notice A store came to be; its members and first manifest follow.
    event StoreCreated(uint32 indexed storeId, address indexed owner, Policy policy);
    /// @notice The store has another manifest, made for this configuration.
    event ManifestSet(
        uint32 indexed storeId,
        address indexed by,
        uint64 version,
        bytes32 manifestHash,
        uint64 configuration
    );
    /// @notice The store keeps its keys in another way from here on.
    event PolicySet(uint32 indexed storeId, address indexed by, uint64 configuration, Policy policy);
    /// @notice Somebody joined the store.
    event MemberAdded(
        uint32 indexed storeId,
        uint32 indexed memberId,
        address indexed operator,
        uint64 configuration,
        string endpoint
    );
    /// @notice A member left; its number is never used again.
    event MemberRemoved(
        uint32 indexed storeId,
        uint32 indexed memberId,
        address indexed operator,
        uint64 configuration
    );
    /// @notice A member lost its disk: its number is gone, its operator joined anew under `memberId`.
    event MemberRejoined(
        uint32 indexed storeId,
        uint32 indexed memberId,
        address indexed operator,
        uint32 former,
        uint64 configuration,
        string endpoint
    );
    /// @notice A member signs with another key from here on.
    event MemberOperatorChanged(
        uint32 indexed storeId,
        uint32 indexed memberId,
        address indexed operator,
        address former,
        uint64 configuration
    );
    /// @notice A member is reached elsewhere.
    event MemberEndpointChanged(uint32 indexed storeId, uint32 indexed memberId, address indexed by, string endpoint);
    /// @notice The store was offered to `to`, or to nobody any more.
    /// @param to Who may accept; 0 when the owner took the offer back.
    event OwnershipTransferStarted(uint32 indexed storeId, address indexed from, address indexed to);
    /// @notice The store has another owner.
    event OwnershipTransferred(uint32 indexed storeId, address indexed from, address indexed to);
    /// @notice Nothing of the store changes any more.
    event StoreClosed(uint32 indexed storeId, address indexed by);
}

/// @title Registry of key-value stores
/// @notice What the nodes of a store have to agree on before they can agree on anything: who they are, how many hold a
/// partition, and the hash of the manifest from which the partitions' configurations are bootstrapped. From then on a
/// partition's configuration is a register of the store itself, changed one replica at a time; so the registry changes
/// one member at a time as well. It holds no money, and nobody stands above a store's owner.
/// @dev Warning: an owner can name any members. What protects data from an owner is that values and writers are
/// signed, not this contract.
interface IStoreRegistry is IERC165, IStoreRegistryErrors, IStoreRegistryEvents {
    // ------------------------------------------------------------------------------------------------------ stores

    /// @notice Makes a store that the caller owns, with its first members and manifest. By anyone.
    /// @dev Requires a policy as `setPolicy` does, `replicas` to 128 members with operators of their own, and a
    /// manifest. Members are numbered from 1 in the order given. The configuration is 1, the manifest's version 1.
    /// @param manifestHash Hash of the manifest; its form is the store's own.
    function createStore(
        Policy calldata policy,
        NewMember[] calldata newMembers,
        bytes32 manifestHash
    ) external returns (uint32 storeId);

    /// @notice Names the next manifest. By the owner.
    /// @param version One more than the manifest's that it replaces.
    /// @param configuration The configuration that the manifest was made for, which must be the present one.
    function setManifest(uint32 storeId, uint64 version, bytes32 manifestHash, uint64 configuration) external;

    /// @notice Changes how the store keeps its keys. By the owner.
    /// @dev Requires the same partitions, 1 to 9 replicas, at most as many as there are members and at most one more
    /// or fewer than before, a write quorum of more than half of them, and writes that are strong or eventual.
    /// @param configuration The present one.
    function setPolicy(uint32 storeId, Policy calldata policy, uint64 configuration) external;

    /// @notice Ends all changes for good; nodes may let go of the data. By the owner.
    function closeStore(uint32 storeId) external;

    /// @notice Offers the store to somebody; 0 takes an offer back. By the owner.
    function transferOwnership(uint32 storeId, address to) external;

    /// @notice Takes the store that was offered to the caller.
    function acceptOwnership(uint32 storeId) external;

    // ----------------------------------------------------------------------------------------------------- members

    /// @notice Adds one member. By the owner.
    /// @dev Requires at most 128 members and an operator that no member has.
    /// @param configuration The present one.
    /// @return memberId Its number, which no member had before.
    function addMember(
        uint32 storeId,
        NewMember calldata newMember,
        uint64 configuration
    ) external returns (uint32 memberId);

    /// @notice Removes one member. By the owner.
    /// @dev Requires that as many members as replicas stay. Its partitions should have been moved before.
    /// @param configuration The present one.
    function removeMember(uint32 storeId, uint32 memberId, uint64 configuration) external;

    /// @notice Gives a member that lost its disk a new number, as it does not know what it promised under the old one.
    /// By its operator or the owner.
    /// @param configuration The present one.
    function rejoin(
        uint32 storeId,
        uint32 memberId,
        string calldata endpoint,
        uint64 configuration
    ) external returns (uint32 newMemberId);

    /// @notice Gives a member another key, which keeps its number and its data. By the owner.
    /// @param configuration The present one.
    function setMemberOperator(uint32 storeId, uint32 memberId, address operator, uint64 configuration) external;

    /// @notice Says where a member is reached. By its operator or the owner.
    function setMemberEndpoint(uint32 storeId, uint32 memberId, string calldata endpoint) external;

    // ------------------------------------------------------------------------------------------------------- views

    /// @notice A store as it is.
    function store(uint32 storeId) external view returns (Store memory);

    /// @notice A page of the members, ascending by number.
    /// @param from Position of the first one; a page beyond the end is empty.
    /// @param count Most that are returned.
    function members(uint32 storeId, uint32 from, uint32 count) external view returns (Member[] memory);

    /// @notice One member.
    function member(uint32 storeId, uint32 memberId) external view returns (Member memory);

    /// @notice Number of the member whose operator this is, or 0.
    function memberOf(uint32 storeId, address operator) external view returns (uint32 memberId);

    /// @notice keccak256(abi.encode(chain id, registry, store id, configuration, policy, all members ascending by
    /// number)): nodes with the same hash mean the same by a configuration.
    function configurationHash(uint32 storeId) external view returns (bytes32);

    /// @notice Stores made so far; the last one has this number.
    function storeCount() external view returns (uint32);

    /// @notice Version of the logic.
    function version() external pure returns (string memory);

    /// @notice Hash over every event of the registry in log order: h' = keccak256(h ‖ keccak256(topics ‖ data)), from
    /// zero.
    function rollingHash() external view returns (bytes32);
}
