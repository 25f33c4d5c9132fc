// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {IGroup} from "./IGroup.sol";

interface IChallengeSettlementTypes {
    /// @notice What keepers agreed on for one epoch; with the group's address it is what they sign.
    struct Certificate {
        uint32 term;
        uint32 epoch;
        /// Deciding round, from 0.
        uint32 round;
        bytes32 resultsRoot;
        /// keccak256(0x02), the root of the empty tree, if and only if `exceptions` is 0.
        bytes32 exceptionsRoot;
        /// Leaves under `exceptionsRoot`.
        uint32 exceptions;
        /// Bitmap of the members whose inventory the proposal lacks.
        uint32 absent;
        /// Roster index of the leader of the deciding round.
        uint8 leader;
    }

    struct ExceptionLeaf {
        /// 1 missed, 2 lost, 3 repair offer.
        uint8 kind;
        /// Who missed or lost something, or the assignee of an offer.
        uint32 provider;
        /// 0 for missed; keccak256(abi.encode(part, entries)) for lost; keccak256(abi.encode(orderId, slot, deadline))
        /// for an offer.
        bytes32 data;
    }

    /// @notice A certified epoch that waits for its exceptions or for an epoch before it.
    struct PendingEpoch {
        bytes32 exceptionsRoot;
        uint32 epoch;
        uint32 exceptions;
        uint32 applied;
        uint32 absent;
        uint40 certifiedAt;
        uint40 certifiedAtBlock;
    }

    /// @notice Counts of finished epochs.
    struct Unpaid {
        /// Never paid.
        uint32 dead;
        /// Earn keepers nothing: gaps, lapsed and dead ones.
        uint32 feeless;
    }

    /// @notice One place of a roster.
    struct Member {
        uint32 keeperId;
        /// Operator when the roster was written: it alone signs for this place.
        address operator;
    }

    /// @notice Counts of epochs for one settlement of an order; `Before` is from its start to the page's first epoch.
    struct Tally {
        /// End (exclusive) of what can be settled now.
        uint32 to;
        uint32 deadBefore;
        uint32 feelessBefore;
        /// Epochs since the order's start, at the end of each term's part of the page: dead ones, and ones without
        /// fee.
        uint32[] dead;
        uint32[] feeless;
        /// Slots whose providers missed any epoch: slot ‖ missed epochs before the page (if asked for) ‖ within it, 32
        /// bits each.
        uint96[] missed;
    }

    /// @notice How the members of a term's roster served.
    struct TermTally {
        /// Whether every epoch of the term is finished, so that the numbers are final.
        bool over;
        /// Epochs that were certified and did not lapse.
        uint32 earning;
        uint32[] keeperIds;
        address[] operators;
        /// Earning epochs whose proposal lacked the member's inventory.
        uint32[] absences;
    }
}

interface IChallengeSettlementErrors {
    /// @notice The epoch has not started.
    error EpochInFuture(uint32 epoch, uint32 epochNow);
    /// @notice A certificate of this epoch or a later one is on the chain already.
    error EpochNotRising(uint32 epoch, uint32 lastCertified);
    /// @notice The epoch belongs to another term.
    error TermWrong(uint32 term, uint32 expected);
    /// @notice No roster was in force in this term.
    error NoRoster(uint32 term);
    /// @notice The leader is no member of the roster.
    error LeaderUnknown(uint8 leader, uint256 members);
    /// @notice `absent` names who is no member, or more than may be absent.
    error AbsentInvalid(uint32 absent, uint256 members);
    /// @notice The root of no leaves stands for no exceptions, and for nothing else.
    error ExceptionsRootInvalid(bytes32 exceptionsRoot, uint32 exceptions);
    /// @notice `signers` names who is no member of the roster.
    error SignersUnknown(uint32 signers, uint256 members);
    /// @notice Exactly a quorum has to sign.
    error QuorumWrong(uint256 signers, uint256 quorum);
    /// @notice Wants exactly 64 bytes per signer.
    error SignaturesLength(uint256 length, uint256 expected);
    /// @notice The signature in this member's place is not its own.
    error SignatureInvalid(uint256 member, address recovered, address operator);
    /// @notice As many epochs wait as there are places; apply or lapse the first.
    error PendingEpochsFull(uint256 pending);
    /// @notice Epochs are applied and lapse in order.
    error EpochNotNext(uint32 epoch, uint32 next);
    /// @notice No certified epoch waits.
    error NothingPending();
    /// @notice No leaves, or more than are left.
    error LeavesInvalid(uint256 leaves, uint256 left);
    /// @notice The leaves are not those that were certified, in this place.
    error RangeProofInvalid(bytes32 computed, bytes32 exceptionsRoot);
    /// @notice Wants one detail per lost leaf and offer.
    error DetailsInvalid(uint256 details, uint256 required);
    /// @notice Exceptions can still be applied.
    error ApplyWindowOpen(uint256 time, uint256 endsAfterTime, uint256 blockNumber, uint256 endsAfterBlock);
    /// @notice Only the last epoch of a term makes the roster of the next, once.
    error RotationNotDue(uint32 epochNow, uint32 dueAt);
    /// @notice Too few keepers had a seat before this block.
    error SeatsTooFew(uint256 seats, uint256 required);
    /// @notice Members that were slashed signed; their signatures do not count any more.
    error MembersMasked(uint32 signers, uint32 masked);
    /// @notice The roster has no such member.
    error MemberUnknown(uint8 member, uint256 members);
    /// @notice The certificates are not of one round, or do not differ.
    error NoConflict();
    /// @notice The signature is not that of the member.
    error SignatureNotOfMember(address recovered, address operator);
    /// @notice The keeper was slashed before, or has no stake.
    error KeeperAlreadySlashed(uint32 keeperId);
}

interface IChallengeSettlementEvents {
    /// @notice Keepers agreed on an epoch. `resultsRoot` is nowhere else on the chain.
    event EpochCertified(
        uint32 indexed epoch,
        uint32 indexed term,
        address indexed submitter,
        uint32 round,
        bytes32 resultsRoot,
        bytes32 exceptionsRoot,
        uint32 exceptions,
        uint32 absent,
        uint8 leader,
        uint32 signers
    );
    /// @notice The provider is not paid for `epoch`, nor for the counted gap epochs from `fromEpoch` on.
    event ProviderMissed(uint32 indexed epoch, uint32 indexed providerId, uint32 fromEpoch);
    /// @notice A leaf counted as applied and did nothing. `reason` is ASCII.
    event ExceptionSkipped(uint32 indexed epoch, uint32 index, uint8 kind, uint32 provider, bytes32 reason);
    /// @notice Leaves `from` (inclusive) to `to` (exclusive) were applied.
    event ExceptionsApplied(uint32 indexed epoch, uint32 from, uint32 to);
    /// @notice The epoch is final for settlement. `gap` uncertified epochs preceded it, the last `dead` of which are
    /// never paid.
    event EpochFinished(uint32 indexed epoch, bool lapsed, uint32 gap, uint32 dead);
    /// @notice Who may certify from this term on.
    event RosterRotated(uint32 indexed term, uint32[] keeperIds, address[] operators);
    /// @notice The keeper was slashed: its signatures do not count any more; quorums stay as they are.
    event KeeperMasked(uint32 indexed keeperId);
    /// @notice A keeper signed two results of one round; its stake is gone.
    event EquivocationReported(
        uint32 indexed keeperId,
        address indexed reporter,
        uint32 epoch,
        uint32 round,
        uint128 slashed,
        uint128 reward
    );
}

/// @title Certificates of a group
/// @notice Rosters of keepers, one certificate per epoch, the exceptions it names and what follows for pay.
interface IChallengeSettlement is
    IGroup,
    IERC5267,
    IChallengeSettlementTypes,
    IChallengeSettlementErrors,
    IChallengeSettlementEvents
{
    /// @notice Accepts the certificate of an epoch. By anyone; the first valid one wins.
    /// @dev Requires lastCertified < epoch ≤ epochNow, the term of the epoch, leader and absent within the roster,
    /// absent ≤ members − quorum, and exactly a quorum of signatures.
    /// @param signers Bitmap over the roster.
    /// @param signatures 64 bytes (EIP-2098) per signer, ascending roster index.
    function certify(Certificate calldata certificate, uint32 signers, bytes calldata signatures) external;

    /// @notice Applies the next consecutive exceptions of the epoch that is next to finish. By anyone. Possible
    /// until the epoch has lapsed.
    /// @param proof Siblings of the range, bottom-up, left before right.
    /// @param details What the hashes of lost leaves and offers stand for, one per such leaf in leaf order:
    /// abi.encode(LostDetail) or abi.encode(OfferDetail).
    function applyExceptions(
        uint32 epoch,
        ExceptionLeaf[] calldata leaves,
        bytes32[] calldata proof,
        bytes[] calldata details
    ) external;

    /// @notice Finishes the next epoch without its remaining exceptions, once applyWindow seconds and
    /// applyWindowBlocks blocks have passed since its certificate. Keepers get no fee for it. By anyone.
    function lapse(uint32 epoch) external;

    /// @notice Finishes up to 16 epochs that wait without exceptions of their own; only needed after a long jam.
    function finish() external;

    /// @notice Writes a roster from the seats taken before this block: the first one at once, later ones in the last
    /// epoch of a term for the next term. By anyone.
    function rotate() external;

    /// @notice Takes the stake of a keeper that signed two different certificates of one (term, epoch, round). By
    /// anyone, who gets a twentieth; the rest is burnt. Its signatures are void in every roster that can still certify,
    /// the next one included if it is written (of a gap of years only the latest 256). Once per keeper.
    /// @param member Roster index of the keeper in that term.
    /// @param first Signature (64 bytes, EIP-2098) of certificate `a`.
    /// @param second Signature of certificate `b`.
    function reportEquivocation(
        Certificate calldata a,
        Certificate calldata b,
        uint8 member,
        bytes calldata first,
        bytes calldata second
    ) external;

    /// @notice Epoch of the latest block; 0 before genesis.
    function epochNow() external view returns (uint32);

    /// @notice Term of an epoch.
    function termOf(uint32 epoch) external view returns (uint32);

    /// @notice Operators of the roster in force in a term, by roster index; empty without one.
    function roster(uint32 term) external view returns (address[] memory);

    /// @notice Keeper ids of the same roster.
    function rosterKeepers(uint32 term) external view returns (uint32[] memory);

    /// @notice Members of the roster in force in a term.
    function rosterSize(uint32 term) external view returns (uint256);

    /// @notice Whether there is a roster in force in a term.
    function hasRoster(uint32 term) external view returns (bool);

    /// @notice Whether a keeper is on the roster in force now or on the next one, if it is written already; whatever
    /// its operator is by now.
    function isMember(uint32 keeperId) external view returns (bool);

    /// @notice Latest epoch with a certificate; 0 before the first.
    function lastCertified() external view returns (uint32);

    /// @notice Epochs up to here are final for settlement.
    function lastFinished() external view returns (uint32);

    /// @notice Number of certified epochs that are not finished.
    function pendingCount() external view returns (uint256);

    /// @notice The i-th of them.
    function pendingAt(uint256 index) external view returns (PendingEpoch memory);

    /// @notice Members of the roster in force in a term whose signatures are void, as a bitmap.
    function masked(uint32 term) external view returns (uint32);

    /// @notice Keeper and operator at a roster index of a term.
    function memberAt(uint32 term, uint8 member) external view returns (Member memory);

    /// @notice Finished epochs from `from` to `to` (exclusive) that a provider is paid for, if it held a slot all the
    /// time.
    function earnedEpochs(uint32 providerId, uint32 from, uint32 to) external view returns (uint32);

    /// @notice Whether `epoch` was certified, did not lapse, is finished, and the provider did not miss it.
    function passed(uint32 providerId, uint32 epoch) external view returns (bool);

    /// @notice Whether a provider is marked as missed in an epoch.
    function missed(uint32 providerId, uint32 epoch) external view returns (bool);

    /// @notice Finished epochs from `from` to `to` (exclusive) that are never paid, and that earn keepers nothing.
    function unpaid(uint32 from, uint32 to) external view returns (Unpaid memory);

    /// @notice All that `StorageOrders` needs to settle an order from `from` towards `to`.
    /// @param start First epoch of the order.
    /// @param before Whether to count missed epochs before `from`.
    function tally(
        uint32[] calldata providerIds,
        uint32 start,
        uint32 from,
        uint32 to,
        bool before
    ) external view returns (Tally memory);

    /// @notice How the keepers of a term served.
    function termTally(uint32 term) external view returns (TermTally memory);

    /// @notice What keepers sign.
    function commitDigest(Certificate calldata certificate) external view returns (bytes32);
}
