// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGroup} from "./IGroup.sol";
import {Order} from "./IStorageOrders.sol";

interface IDisputesTypes {
    /// @notice A shard that a provider is said to have lost, as keepers certify it.
    struct LostEntry {
        bytes32 orderId;
        uint8 slot;
        /// Names an owed shard, or one drawn from the seed.
        uint32 stripe;
    }

    /// @notice What follows a lost leaf: `data` of the leaf is keccak256(abi.encode(part, entries)).
    struct LostDetail {
        uint32 part;
        /// 1 to 64, ascending by (orderId, slot).
        LostEntry[] entries;
        /// The open orders among those of the entries, each once, ascending by id.
        Order[] orders;
    }

    /// @notice An entry whose slot was evicted.
    struct KeptEntry {
        bytes32 orderId;
        uint8 slot;
        uint32 stripe;
        /// First epoch of the holder.
        uint32 since;
        /// First epoch that it is not paid for.
        uint32 until;
        /// Stripes of the order, any of which an appeal may have to answer.
        uint32 stripes;
    }

    /// @notice A shard that an appeal has to answer.
    struct DrawnShard {
        /// Of its entry in the record.
        uint8 index;
        uint32 stripe;
    }

    enum RecordStatus {
        None,
        /// Can be appealed until the deadline, slashed after it.
        Open,
        /// A recent appeal protects the provider: nothing will be slashed.
        Protected,
        /// Appealed: nothing will be slashed.
        Appealed,
        /// Its entries are slashed or released.
        Closed
    }

    /// @notice One application of a lost leaf, at most one per (provider, epoch, part).
    struct LostRecord {
        /// keccak256(abi.encode(KeptEntry[])).
        bytes32 entriesHash;
        RecordStatus status;
        uint8 count;
        /// Appeals are possible until this second ...
        uint64 deadline;
        /// ... and at least until this block.
        uint64 deadlineBlock;
    }

    /// @notice Proof that the bytes of one shard are there.
    struct ShardAnswer {
        Order order;
        uint8 slot;
        uint32 stripe;
        /// 48 bytes.
        bytes commitment;
        /// Siblings of the commitment in its slot's tree, bottom-up.
        bytes32[] stripePath;
        /// Siblings of the slot's root in the order's tree, bottom-up.
        bytes32[] slotPath;
        /// Value of the shard's polynomial at the drawn point.
        bytes32 y;
        /// 48 bytes.
        bytes proof;
    }

    /// @notice A direct challenge; kept on chain as its hash.
    struct Ticket {
        /// Unique in the group.
        uint64 id;
        bytes32 orderId;
        uint8 slot;
        uint32 stripe;
        /// Who has to answer.
        uint32 providerId;
        /// First epoch of that holder.
        uint32 since;
        /// First epoch that it is not paid for, if it had lost the slot when it was challenged; else 0.
        uint32 until;
        address challenger;
        /// Native wei.
        uint128 bond;
        /// Answers are possible until this second ...
        uint64 deadline;
        /// ... and at least until this block.
        uint64 deadlineBlock;
        /// What the drawn point follows from.
        bytes32 draw;
        /// Whether the order's owner opened it in its own lane.
        bool ownerLane;
        /// Whether the answer has to bring the shard as a blob of its transaction.
        bool asBlob;
    }
}

interface IDisputesErrors {
    /// @notice The detail of a lost leaf is not what the leaf names.
    error LostDetailInvalid(bytes32 computed, bytes32 data);
    /// @notice No entries, or too many.
    error EntriesInvalid(uint256 entries, uint256 max);
    /// @notice Entries must ascend by (orderId, slot).
    error EntriesNotAscending(uint256 index);
    /// @notice The order is open, so its content has to be given.
    error OrderMissing(bytes32 orderId);
    /// @notice Two blocks after the certificate have to exist.
    error DrawNotReady(uint256 blockNumber, uint256 firstBlock);
    /// @notice There is no such record.
    error RecordUnknown(uint32 providerId, uint32 epoch, uint32 part);
    /// @notice The record is not in a state in which this can be done.
    error RecordNotOpen(uint32 providerId, uint32 epoch, uint32 part, IDisputesTypes.RecordStatus status);
    /// @notice The entries are not those that were recorded.
    error EntriesWrong(bytes32 computed, bytes32 recorded);
    /// @notice Both the seconds and the blocks of the window have passed.
    error WindowOver(uint256 time, uint256 deadline, uint256 blockNumber, uint256 deadlineBlock);
    /// @notice The seconds or the blocks of the window have not passed yet.
    error WindowOpen(uint256 time, uint256 deadline, uint256 blockNumber, uint256 deadlineBlock);
    /// @notice Only the operator of the accused provider.
    error NotAccused(address caller, uint32 providerId);
    /// @notice Every drawn shard is answered, and no other.
    error AnswersCount(uint256 answers, uint256 drawn);
    /// @notice The answer is not for the drawn shard.
    error ShardWrong(uint256 index, bytes32 orderId, uint8 slot, uint32 stripe);
    /// @notice The commitment is not in the order at that place.
    error CommitmentWrong(bytes32 computedRoot, bytes32 shardRoot);
    /// @notice A commitment and a proof have 48 bytes each.
    error AnswerLength(uint256 commitment, uint256 proof);
    /// @notice The point evaluation precompile refused the proof.
    error ProofWrong(bytes32 orderId, uint8 slot, uint32 stripe);
    /// @notice The chain has no point evaluation precompile.
    error PrecompileMissing();
    /// @notice The order was never opened, or is not the one that the ticket names.
    error OrderUnknown(bytes32 orderId);
    /// @notice The order is over, or the evicted holder's dispute is closed: nobody has to answer.
    error ChallengeTooLate(bytes32 orderId, uint8 slot);
    /// @notice The order has no such slot or stripe.
    error ShardUnknown(bytes32 orderId, uint8 slot, uint32 stripe);
    /// @notice One challenge of a shard at a time.
    error ChallengeAlreadyOpen(bytes32 orderId, uint8 slot, uint32 stripe);
    /// @notice The value sent is not the bond.
    error BondWrong(uint256 value, uint256 required);
    /// @notice Nobody can answer by a blob in this group.
    error BlobsUnavailable();
    /// @notice Only an order's owner, or whom it approved, may demand its shards.
    error NotDemander(address caller, address owner);
    /// @notice No blob of the transaction is the demanded shard.
    error BlobMissing(bytes32 versionedHash);
    /// @notice It is so already.
    error ApprovalUnchanged(address demander, bool approved);
    /// @notice The slot cannot be taken from the challenged holder now. `reason` is what `IRepairs.evict` says.
    error EvictionRefused(bytes32 orderId, uint8 slot, bytes32 reason);
    /// @notice No such challenge is open.
    error TicketUnknown(bytes32 orderId, uint8 slot, uint32 stripe);
    /// @notice The receiver takes no coin.
    error TransferFailed(address to, uint256 value);
    /// @notice The transaction needs more gas to be sure that it can pay.
    error GasTooLow(uint256 left, uint256 required);
    /// @notice A direct challenge to one of the slots is still open.
    error ChallengeStillOpen(bytes32 orderId, uint8 slot);
}

interface IDisputesEvents is IDisputesTypes {
    /// @notice The slots of the entries were evicted. Which of them an appeal has to answer follows from `draw`.
    event LostRecorded(
        uint32 indexed epoch,
        uint32 indexed providerId,
        uint32 part,
        bytes32 draw,
        uint64 deadline,
        uint64 deadlineBlock,
        bool isProtected,
        KeptEntry[] entries
    );
    /// @notice An entry did nothing. `reason` is ASCII.
    event LostEntryDropped(uint32 indexed epoch, uint32 indexed providerId, uint32 part, uint8 index, bytes32 reason);
    /// @notice The drawn shards are there: nothing of the record will be slashed; the slots stay moved. Later records
    /// up to and in epoch `protectedTo` slash nothing either.
    event AppealAccepted(uint32 indexed epoch, uint32 indexed providerId, uint32 part, uint32 protectedTo);
    /// @notice The entries of a record are slashed, or spared.
    event RecordClosed(uint32 indexed epoch, uint32 indexed providerId, uint32 part, bool slashed);
    /// @notice Collateral of one evicted slot. `toPot` is there for whoever repairs the slot.
    event CollateralSlashed(
        uint32 indexed providerId,
        bytes32 indexed orderId,
        uint8 slot,
        uint32 until,
        uint128 toPayer,
        uint128 toPot,
        uint128 toTreasury,
        uint128 toChallenger
    );
    /// @notice Collateral of one evicted slot is free again.
    event CollateralSpared(
        uint32 indexed providerId,
        bytes32 indexed orderId,
        uint8 slot,
        uint32 until,
        uint128 amount
    );
    /// @notice Somebody asks for a shard; who answers needs the ticket.
    event ChallengeOpened(uint64 indexed id, uint32 indexed providerId, address indexed challenger, Ticket ticket);
    /// @notice The shard is there. `reimbursed` of the bond went to the responder, the rest was burnt (native wei).
    event ChallengeAnswered(uint64 indexed id, uint32 indexed providerId, address indexed by, uint128 reimbursed);
    /// @notice Nobody answered in time: the bond went back and, unless it was settled before, the collateral was
    /// slashed.
    event ChallengeUnanswered(uint64 indexed id, uint32 indexed providerId, uint128 reward, bool evicted);
    /// @notice The challenger takes no coin: its bond (native wei) was burnt.
    event BondForfeited(uint64 indexed id, address indexed challenger, uint128 amount);
    /// @notice Whether `demander` may demand the shards of all orders of `owner`.
    event DemanderApproved(address indexed owner, address indexed demander, bool approved);
}

/// @title Disputes of a group
/// @notice Lost records and appeals, direct challenges, and shards demanded as blobs.
interface IDisputes is IGroup, IDisputesErrors, IDisputesEvents {
    /// @notice Applies a lost leaf: evicts the slots that `providerId` holds and records them. Only
    /// `ChallengeSettlement`.
    /// @param lastFinished Last finished epoch: who is evicted is paid up to it.
    /// @param certifiedAtBlock Block of the certificate: what is drawn hangs on the hashes of this and the next block
    /// (or of the two before the application when those are out of reach).
    /// @param data `data` of the leaf.
    /// @param detail abi.encode(LostDetail).
    /// @return reason 0, or ASCII why nothing was recorded: RECORD_EXISTS, NOTHING_KEPT.
    function applyLost(
        uint32 epoch,
        uint32 lastFinished,
        uint64 certifiedAtBlock,
        bytes32 exceptionsRoot,
        uint32 providerId,
        bytes32 data,
        bytes calldata detail
    ) external returns (bytes32 reason);

    /// @notice Proves that the drawn shards are there. Only the accused provider's operator, within the window.
    /// @param entries All entries of the record, as its event gives them.
    /// @param answers One for each drawn shard, in drawing order: `drawnShards`.
    function appeal(
        uint32 providerId,
        uint32 epoch,
        uint32 part,
        KeptEntry[] calldata entries,
        ShardAnswer[] calldata answers
    ) external;

    /// @notice Slashes the entries of a record whose window is over, or frees their collateral if it was appealed or
    /// protected. By anyone. What would be freed waits until no former holder of the slot has a direct challenge to
    /// answer.
    /// @dev Entries whose collateral a direct challenge has settled before are passed over.
    /// @param orders The orders of the entries, each once, ascending by id.
    function closeRecord(
        uint32 providerId,
        uint32 epoch,
        uint32 part,
        KeptEntry[] calldata entries,
        Order[] calldata orders
    ) external;

    /// @notice Demands a proof that a shard is there. By anyone, with exactly `bondOf` native wei.
    function challenge(Order calldata order, uint8 slot, uint32 stripe) external payable returns (uint64 id);

    /// @notice Demands a shard itself: a direct challenge whose answer has to come with the shard as a blob of its
    /// transaction, so that everybody can read it. Only the order's owner or whom it approved, with at least
    /// `demandBondOf` native wei; what is more comes back at once. Only in groups with `blobAnswers`.
    function demand(Order calldata order, uint8 slot, uint32 stripe) external payable returns (uint64 id);

    /// @notice Lets `demander` demand the shards of all orders of the caller, or no longer.
    function approveDemander(address demander, bool approved) external;

    /// @notice Answers a direct challenge within its window. By anyone; gas, and that of a demanded blob, is refunded
    /// out of the bond.
    function respond(Ticket calldata ticket, ShardAnswer calldata answer) external;

    /// @notice Closes a direct challenge that nobody answered in time: bond back, slot evicted and slashed at once, a
    /// reward for the challenger. By anyone. If the slot is with somebody else by now, who had it is slashed, unless
    /// its collateral is settled already.
    function closeChallenge(Ticket calldata ticket, Order calldata order) external;

    /// @notice A record.
    function lostRecord(uint32 providerId, uint32 epoch, uint32 part) external view returns (LostRecord memory);

    /// @notice What the draws of an epoch's records follow from; 0 before its first record.
    function drawOf(uint32 epoch) external view returns (bytes32);

    /// @notice Shards that an appeal has to answer, in order: four, or all if there are fewer. Of D = keccak256(abi
    /// .encode(drawOf(epoch), providerId, part)): first the named shards of different entries, at keccak256(abi.encode(
    /// D, uint32 i)) mod count; then any of the entries' slots: for h = keccak256(abi.encode(D, "more", uint32 i)) the
    /// stripe (h >> 128) mod stripes of entry h mod count; i = 0, 1, …, what was drawn before is passed over.
    /// @param entries All entries of the record, as its event gives them.
    function drawnShards(
        uint32 providerId,
        uint32 epoch,
        uint32 part,
        KeptEntry[] calldata entries
    ) external view returns (DrawnShard[] memory);

    /// @notice Point at which a shard has to be opened: keccak256(abi.encode(keccak256("memo/appeal/v1"), chain id,
    /// this contract, draw, orderId, slot, stripe)) >> 8, with slot and stripe as uint32.
    function pointOf(bytes32 draw, bytes32 orderId, uint8 slot, uint32 stripe) external view returns (uint256);

    /// @notice Bond that `challenger` has to send for a challenge to that slot now, native wei: doubled for each open
    /// challenge against the provider outside owners' lanes; for the order's owner doubled at most three times, while
    /// fewer than sixteen challenges to the slot are open.
    function bondOf(Order calldata order, uint8 slot, address challenger) external view returns (uint256);

    /// @notice The same for a demand: twice the present price of a blob more.
    function demandBondOf(Order calldata order, uint8 slot, address challenger) external view returns (uint256);

    /// @notice Whether `demander` is `owner` or was approved by it.
    function isDemander(address owner, address demander) external view returns (bool);

    /// @notice Open direct challenges to a slot.
    function challengesOpen(bytes32 orderId, uint8 slot) external view returns (uint256);

    /// @notice Last epoch whose lost records slash nothing because the provider won an appeal; 0 without one.
    function protectedTo(uint32 providerId) external view returns (uint32);
}
