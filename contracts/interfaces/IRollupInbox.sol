// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IDisputesTypes} from "./IDisputes.sol";
import {Order} from "./IStorageOrders.sol";

interface IRollupInboxTypes {
    /// @notice Where the bytes of a batch are.
    enum Place {
        /// In an order of the group: challenged every epoch, delivered when demanded.
        Storage,
        /// In the calldata of the transaction that appended the batch, or fell back.
        Calldata,
        /// In the blobs of that transaction.
        Blobs
    }

    /// @notice Computed from time and disputes; nothing has to be called for it to change.
    enum Status {
        None,
        /// In storage, and delivery can still be challenged.
        Open,
        /// A challenge for delivery waits for its answer.
        Challenged,
        /// In storage, and the time to challenge is over: final.
        Final,
        /// A challenge ran out unanswered: the batch can still be put on the chain until `fallbackUntil`.
        Undelivered,
        /// On the chain itself, in calldata or blobs: final.
        OnChain,
        /// Neither delivered nor put on the chain in time: the rollup derives as if the batch were empty.
        Void
    }

    /// @notice One batch of the rollup, as appended.
    struct Batch {
        /// Merkle root of the batch's transaction data; what a reader checks the bytes against.
        bytes32 root;
        /// Finds the batch within its order; derived by the sequencer from L2 chain, first block and root.
        bytes32 identifier;
        /// Order that holds the bytes; 0 for a batch that never was in storage.
        bytes32 orderId;
        /// First stripe of the batch in its order, and how many stripes it takes.
        uint32 firstStripe;
        uint32 stripes;
        Place place;
        /// Seconds at which the batch was appended.
        uint64 appendedAt;
        /// Delivery can be challenged until this second.
        uint64 challengeUntil;
        /// Latest second for calldata or blobs once a challenge ran out; 0 before.
        uint64 fallbackUntil;
    }

    /// @notice A challenge for delivery of one shard of a batch.
    struct Delivery {
        /// Number of the direct challenge at `Disputes`.
        uint64 challengeId;
        address challenger;
        uint8 slot;
        uint32 stripe;
        /// As in the ticket of the challenge: seconds and blocks.
        uint64 deadline;
        uint64 deadlineBlock;
    }

    /// @notice What an inbox is made with; it cannot be changed.
    struct InboxParameters {
        /// `ChallengeSettlement` of the group whose orders hold the batches.
        address group;
        /// Chain id of the rollup.
        uint256 rollup;
        /// Seconds after appending in which delivery can be challenged.
        uint32 challengeWindow;
        /// Seconds after an unanswered challenge in which the batch can be put on the chain.
        uint32 fallbackWindow;
        /// Most bytes of one fallback by calldata.
        uint32 calldataMax;
    }
}

interface IRollupInboxErrors is IRollupInboxTypes {
    /// @notice Only the sequencer appends.
    error NotSequencer(address caller, address sequencer);
    /// @notice The right to append was offered to somebody else, or to nobody.
    error NotPendingSequencer(address caller, address pending);
    /// @notice There is no batch of this index.
    error BatchUnknown(uint64 index);
    /// @notice A batch has a root other than zero.
    error RootMissing();
    /// @notice A batch of this identifier is in the inbox already.
    error IdentifierUsed(bytes32 identifier, uint64 index);
    /// @notice The order is not open at the group, or ends before delivery can no longer be challenged.
    error OrderUnusable(bytes32 orderId, bytes32 reason);
    /// @notice The inbox may not demand shards of this owner's orders: see `IDisputes.approveDemander`.
    error InboxNotApproved(address owner);
    /// @notice The order does not have these stripes.
    error StripesOutside(uint32 firstStripe, uint32 stripes, uint32 ofOrder);
    /// @notice Delivery is not demanded in this group: it has no answers by blob.
    error DeliveryUnavailable(address group);
    /// @notice The shard holds nothing of this batch.
    error ShardOutside(uint64 index, uint8 slot, uint32 stripe);
    /// @notice In its present status this cannot be done with the batch.
    error StatusWrong(uint64 index, Status status);
    /// @notice The value sent does not cover the bond.
    error BondTooLow(uint256 value, uint256 required);
    /// @notice Nothing ran out, or not yet.
    error DeliveryNotOver(uint64 index, uint64 challengeId);
    /// @notice More bytes than the inbox takes in calldata.
    error CalldataTooLong(uint256 length, uint256 max);
    /// @notice The bytes, or the blobs of the transaction, are not what the root says.
    error RootWrong(bytes32 computed, bytes32 root);
    /// @notice The transaction carries another number of blobs.
    error BlobCountWrong(uint256 blobs, uint256 expected);
}

interface IRollupInboxEvents is IRollupInboxTypes {
    /// @notice A batch is part of the rollup's input from here on, in this order.
    event BatchAppended(
        uint64 indexed index,
        bytes32 indexed identifier,
        bytes32 indexed orderId,
        bytes32 root,
        Place place,
        uint32 firstStripe,
        uint32 stripes,
        uint64 challengeUntil
    );
    /// @notice Somebody asks for a shard of a batch; `Disputes` has the ticket.
    event DeliveryDemanded(
        uint64 indexed index,
        uint64 indexed challengeId,
        address indexed challenger,
        uint8 slot,
        uint32 stripe
    );
    /// @notice The shard came as a blob in time.
    event DeliveryAnswered(uint64 indexed index, uint64 indexed challengeId);
    /// @notice Nobody answered: the batch has to come on the chain until `fallbackUntil`.
    event DeliveryFailed(uint64 indexed index, uint64 indexed challengeId, uint64 fallbackUntil);
    /// @notice The bytes are on the chain, in the calldata or the blobs of this transaction.
    event BatchOnChain(uint64 indexed index, address indexed by, Place place, bytes32[] versionedHashes);
    /// @notice Native wei that came back from `Disputes`.
    event BondCredited(uint64 indexed index, address indexed challenger, uint256 amount);
    /// @notice Bonds that had come back were paid out.
    event BondsWithdrawn(address indexed challenger, uint256 amount);
    /// @notice The right to append was offered to `to`, or to nobody any more.
    event SequencerTransferStarted(address indexed from, address indexed to);
    /// @notice Another key appends from here on.
    event SequencerTransferred(address indexed from, address indexed to);
}

/// @title Inbox of a rollup
/// @notice The rollup's sequencer appends {root, identifier, order}: the bytes are in an order of a group, where
/// keepers challenge them, and the chain carries few bytes a batch. A validator that cannot get the bytes demands a
/// shard through `IDisputes.demand`, and its answer is a blob that everybody can read: possession becomes delivery.
/// What is not delivered, or cannot be stored in time, comes as calldata or blobs. The order of the batches is that of
/// appending and never changes.
/// @dev Only the interface; a rollup's own inbox implements it, through the rolling hash as the group's contracts do.
/// Warning: one shard delivered is not a batch delivered. A validator demands as many shards as the order's policy
/// needs (k of each stripe), each with a bond of its own. Warning: a demand needs a group with `blobAnswers`, hence a
/// chain on which anybody can send blob transactions.
interface IRollupInbox is IERC165, IRollupInboxErrors, IRollupInboxEvents {
    // --------------------------------------------------------------------------------------------------- appending

    /// @notice Appends a batch that an open order holds. By the sequencer.
    /// @dev Requires an order of the group that is open, that ends after delivery can be challenged, whose owner has
    /// approved the inbox as demander, and that holds the stripes named; an identifier not used before.
    /// @param root Merkle root of the batch's data.
    /// @param identifier Finds the batch within the order.
    /// @param order The order; its manifest says where in its stripes the identifier is.
    /// @param firstStripe First stripe of the batch.
    /// @param stripes Stripes that the batch takes.
    /// @return index Number of the batch, from 0 without gaps.
    function append(
        bytes32 root,
        bytes32 identifier,
        Order calldata order,
        uint32 firstStripe,
        uint32 stripes
    ) external returns (uint64 index);

    /// @notice Appends a batch with its bytes, when storage is not there in time. By the sequencer.
    /// @dev Requires bytes whose Merkle root is `root`, at most `calldataMax` of them.
    function appendCalldata(bytes32 root, bytes32 identifier, bytes calldata data) external returns (uint64 index);

    /// @notice Appends a batch whose bytes are the blobs of this transaction. By the sequencer.
    /// @dev The root is keccak256 over the versioned hashes in order, which is what a reader can check blobs against.
    /// @param blobs How many blobs the transaction carries, all of them the batch's.
    function appendBlobs(bytes32 identifier, uint8 blobs) external returns (uint64 index);

    // ---------------------------------------------------------------------------------------------------- delivery

    /// @notice Demands a shard of a batch as a blob, through `IDisputes.demand` of the group. By anyone, with at least
    /// `IDisputes.demandBondOf` native wei; what is more comes back at once. At `Disputes` the inbox is the challenger:
    /// a bond that comes back from there is credited to who demanded.
    /// @dev Requires status Open or Challenged, and a shard of the batch's stripes.
    function demandDelivery(
        uint64 index,
        Order calldata order,
        uint8 slot,
        uint32 stripe
    ) external payable returns (uint64 challengeId);

    /// @notice Notes how a demand ended. By anyone: nobody's word counts.
    /// @dev Closes the challenge at `Disputes` when its window is over: then the batch has to come on the chain within
    /// `fallbackWindow`. `Disputes` keeps no outcomes; that somebody closed the challenge there itself is seen by the
    /// bond that came back, which an answered challenge never gives.
    /// @param ticket The challenge, as `Disputes` logged it.
    function settleDelivery(uint64 index, IDisputesTypes.Ticket calldata ticket, Order calldata order) external;

    /// @notice Pays bonds that came back to who sent them.
    function withdrawBonds() external returns (uint256 amount);

    /// @notice Puts the bytes of an undelivered batch on the chain. By anyone who has them.
    /// @dev Requires bytes whose Merkle root is the batch's.
    function fallBackToCalldata(uint64 index, bytes calldata data) external;

    /// @notice The same by the blobs of this transaction.
    /// @dev Each blob is a data shard of the batch's order: its versioned hash has to be that of the commitment that
    /// the path proves, for k shards of every stripe in order.
    /// @param commitments 48 bytes each, concatenated.
    /// @param paths Siblings of each commitment up to the order's `shardRoot`, bottom-up.
    function fallBackToBlobs(
        uint64 index,
        Order calldata order,
        bytes calldata commitments,
        bytes32[][] calldata paths
    ) external;

    // --------------------------------------------------------------------------------------------------- sequencer

    /// @notice Offers the right to append to another key; 0 takes an offer back. By the sequencer.
    function transferSequencer(address to) external;

    /// @notice Takes the right that was offered to the caller.
    function acceptSequencer() external;

    // ------------------------------------------------------------------------------------------------------- views

    /// @notice A batch as appended.
    function batch(uint64 index) external view returns (Batch memory);

    /// @notice A page of batches in order.
    /// @param from First index.
    /// @param count Most that are returned.
    function batches(uint64 from, uint64 count) external view returns (Batch[] memory);

    /// @notice Where a batch stands now.
    function statusOf(uint64 index) external view returns (Status);

    /// @notice Index of the batch with this identifier.
    /// @dev Reverts for an identifier that is not in the inbox.
    function indexOf(bytes32 identifier) external view returns (uint64);

    /// @notice Demands for shards of a batch that are not settled.
    function deliveriesOf(uint64 index) external view returns (Delivery[] memory);

    /// @notice Bonds that `challenger` can withdraw, native wei.
    function bondsOf(address challenger) external view returns (uint256);

    /// @notice Batches so far.
    function batchCount() external view returns (uint64);

    /// @notice All batches below this index are final: on the chain, or in storage and past their challenge.
    function finalCount() external view returns (uint64);

    /// @notice Who may append.
    function sequencer() external view returns (address);

    /// @notice Who may become the sequencer, or 0.
    function pendingSequencer() external view returns (address);

    /// @notice What the inbox was made with.
    function inboxParameters() external view returns (InboxParameters memory);

    /// @notice Version of the logic.
    function version() external pure returns (string memory);

    /// @notice Hash over every event of the inbox in log order, as in the contracts of a group.
    function rollingHash() external view returns (bytes32);
}
