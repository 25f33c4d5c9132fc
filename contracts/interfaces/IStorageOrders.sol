// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {IGroup} from "./IGroup.sol";
import {IPermitCalls} from "./IPermitCalls.sol";

/// @notice Where the manifest of an order lies. All zero: the order has none.
struct ManifestLocation {
    uint32 firstStripe;
    uint32 stripes;
    uint64 length;
    bytes32 digest;
}

/// @notice A storage order as payer (or an agent of it) and providers sign it; its EIP-712 struct hash is its id.
struct Order {
    /// `ChallengeSettlement` of the group.
    address group;
    address owner;
    address payer;
    /// Provider id of each slot; all different.
    uint32[] providers;
    bytes32 shardRoot;
    uint32 stripes;
    /// kind << 16 | k << 8 | m: kind 1 = rs(k,m), kind 2 = copies(n) with k = 1, m = n − 1.
    uint32 policy;
    /// 0 packed31, 1 blob.
    uint8 layout;
    /// First epoch that is challenged and paid.
    uint32 startEpoch;
    /// First epoch that is not.
    uint32 endEpoch;
    /// Token wei per 2^32 shard-epochs, for one slot.
    uint128 price;
    /// Epochs that are paid even if the order ends early.
    uint32 minEpochs;
    /// Unix seconds before which the order has to be opened.
    uint64 openBy;
    ManifestLocation manifest;
    bytes32 salt;
}

interface IStorageOrdersTypes {
    enum OrderStatus {
        None,
        Open,
        Closed,
        Released,
        /// Made void before anybody opened it.
        Cancelled
    }

    /// @notice One storage word.
    struct OrderState {
        OrderStatus status;
        /// First epoch that is not settled.
        uint32 settledTo;
        /// First epoch that is not paid; earlier than the order's own after an early end.
        uint32 endEpoch;
        /// What is held for the rest of the order.
        uint128 escrow;
        /// Slots without a holder, void ones included.
        uint8 evicted;
        /// Whether any slot missed an epoch so far.
        bool uneven;
        /// Whether any slot ever changed hands.
        bool changed;
        /// Whether somebody has said that it ends soon.
        bool announced;
    }

    /// @notice What a payer is about to take out.
    struct Withdrawal {
        uint128 amount;
        /// Unix seconds from which it can be withdrawn.
        uint64 availableAt;
    }

    /// @notice What was paid for the epochs of a term, claimed or not.
    struct Pool {
        uint128 keepers;
        uint128 treasury;
    }

    /// @notice Price of a whole order, by receiver.
    struct Cost {
        uint128 providers;
        uint128 keepers;
        uint128 treasury;
        uint128 total;
    }
}

interface IStorageOrdersErrors {
    /// @notice The order names another group.
    error OrderOfOtherGroup(address group, address expected);
    /// @notice An order has an owner other than zero.
    error OwnerMissing();
    /// @notice An order, and a deposit, has a payer other than zero.
    error PayerMissing();
    /// @notice An order fixes its commitments.
    error ShardRootMissing();
    /// @notice The policy is none, or not for this number of slots.
    error PolicyInvalid(uint32 policy, uint256 slots);
    /// @notice There is no such layout, or not with this policy.
    error LayoutInvalid(uint8 layout, uint32 policy);
    /// @notice An order has a stripe at least.
    error StripesZero();
    /// @notice A provider holds one slot of an order at most.
    error ProviderRepeated(uint32 providerId);
    /// @notice The epochs are out of order, too many, or fewer than `minEpochs`.
    error EpochsInvalid(uint32 startEpoch, uint32 endEpoch, uint32 minEpochs);
    /// @notice Less than the group takes.
    error PriceTooLow(uint128 price, uint128 minPrice);
    /// @notice The manifest is not inside the order's stripes.
    error ManifestOutsideStripes(uint32 firstStripe, uint32 stripes, uint64 length, uint32 orderStripes);
    /// @notice The time to open has passed, or the order starts before it has.
    error OpenByInvalid(uint64 openBy, uint64 time, uint64 start);
    /// @notice An order is opened once.
    error OrderAlreadyOpened(bytes32 orderId);
    /// @notice Its owner or payer made it void.
    error OrderIsCancelled(bytes32 orderId);
    /// @notice The order is not open.
    error OrderNotOpen(bytes32 orderId);
    /// @notice The order is not settled to its end, or released already.
    error OrderNotClosed(bytes32 orderId);
    /// @notice A term without a roster opens no orders.
    error NoRosterInForce(uint32 term);
    /// @notice The payer, or who spends for it, has not signed the order.
    error PayerSignatureInvalid(address payer);
    /// @notice Wants exactly 64 bytes per slot.
    error ProviderSignaturesLength(uint256 length, uint256 expected);
    /// @notice The provider's operator has not signed the order.
    error ProviderSignatureInvalid(uint256 slot, uint32 providerId, address recovered, address operator);
    /// @notice The payer's balance does not cover this.
    error BalanceTooLow(address payer, uint128 balance, uint128 required);
    /// @notice No epoch was finished since the order was settled last.
    error NothingToSettle(bytes32 orderId, uint32 settledTo);
    /// @notice Only the order's owner or payer may do this.
    error NotOwnerOrPayer(address caller);
    /// @notice The order ends then or earlier already.
    error EndNotEarlier(uint32 endEpoch);
    /// @notice Nothing would move.
    error AmountZero();
    /// @notice No withdrawal was announced.
    error NothingRequested(address payer);
    /// @notice The withdrawal is possible from `availableAt` on.
    error WithdrawalNotReady(uint64 availableAt, uint64 time);
    /// @notice There is nothing to be paid out.
    error NothingToWithdraw();
    /// @notice Some epoch of the term is not finished.
    error TermNotOver(uint32 term);
    /// @notice The keeper was not on the term's roster.
    error NotOnRoster(uint32 term, uint32 keeperId);
    /// @notice The order's last eighth are epochs `fromEpoch` to `endEpoch` (exclusive).
    error NotInLastEighth(bytes32 orderId, uint32 epoch, uint32 fromEpoch, uint32 endEpoch);
    /// @notice The end of the order was announced before.
    error ExpiryAlreadyAnnounced(bytes32 orderId);
    /// @notice What somebody ended early is not renewed.
    error OrderEndsEarly(bytes32 orderId, uint32 endEpoch);
    /// @notice A renewal starts where the order ends.
    error RenewalStartWrong(bytes32 orderId, uint32 startEpoch, uint32 expected);
    /// @notice A renewal has the holders of now, and none of the slots is vacant (holder 0).
    error RenewalHolderWrong(bytes32 orderId, uint256 slot, uint32 providerId, uint32 holder);
    /// @notice A direct challenge to one of its slots is open.
    error ChallengeStillOpen(bytes32 orderId, uint256 slot);
    /// @notice Less than that is held for the rest of the order.
    error EscrowTooLow(bytes32 orderId, uint128 escrow, uint128 required);
}

interface IStorageOrdersEvents {
    /// @notice All of the order is here and nowhere else on the chain; `sequence` numbers openings.
    event OrderOpened(
        bytes32 indexed orderId,
        address indexed owner,
        address indexed payer,
        uint64 sequence,
        Order order
    );
    /// @notice Epochs of an order are paid; `refunded` is the payer's again (token wei).
    event OrderSettled(
        bytes32 indexed orderId,
        uint32 fromEpoch,
        uint32 toEpoch,
        uint128 toProviders,
        uint128 toKeepers,
        uint128 toTreasury,
        uint128 refunded
    );
    /// @notice The order ends earlier than it was to.
    event OrderEnding(bytes32 indexed orderId, address indexed by, uint32 endEpoch);
    /// @notice The order is settled to its end.
    event OrderClosed(bytes32 indexed orderId);
    /// @notice The order can never be opened.
    event OrderCancelled(bytes32 indexed orderId, address indexed by);
    /// @notice The order ends soon and nobody has to find out by himself.
    event OrderExpiring(bytes32 indexed orderId, address indexed owner, address indexed payer, uint32 endEpoch);
    /// @notice `nextOrderId`, just opened, goes on where the order ends, on its payer's standing terms.
    event OrderRenewed(bytes32 indexed orderId, bytes32 indexed nextOrderId);
    /// @notice Tokens were added to a payer's balance.
    event Deposited(address indexed payer, address indexed from, uint128 amount);
    /// @notice `amount` replaces what was requested before.
    event WithdrawalRequested(address indexed payer, uint128 amount, uint64 availableAt);
    /// @notice Tokens went from a payer's balance to the payer.
    event Withdrawn(address indexed payer, uint128 amount);
    /// @notice What a provider earned went to its owner.
    event CreditWithdrawn(uint32 indexed providerId, address indexed owner, uint128 amount);
    /// @notice What a keeper earned in a term went to its owner.
    event KeeperFeeClaimed(uint32 indexed term, uint32 indexed keeperId, address indexed owner, uint128 amount);
    /// @notice What the treasury earned in a term went there.
    event TreasuryWithdrawn(uint32 indexed term, address indexed treasury, uint128 amount);
    /// @notice A payer's share of slashed collateral, a returned reserve, or a challenger's reward.
    event PayerCredited(address indexed payer, bytes32 indexed orderId, uint128 amount);
    /// @notice A repairer's bonus.
    event ProviderCredited(uint32 indexed providerId, bytes32 indexed orderId, uint128 amount);
    /// @notice A voucher was paid out of a payer's balance to a provider's credit.
    event ReadsPaid(address indexed payer, uint32 indexed providerId, uint128 amount);
    /// @notice The treasury's share of slashed collateral; it can be withdrawn with the fees of the term.
    event TreasuryCredited(uint32 indexed term, bytes32 indexed orderId, uint128 amount);
}

/// @title Orders and money of a group
/// @notice Payers deposit, orders escrow their whole price, settlement credits what was certified, everybody withdraws
/// for himself. The token balance of the contract is the sum of all balances, escrows, credits and pools.
interface IStorageOrders is
    IGroup,
    IPermitCalls,
    IERC5267,
    IStorageOrdersTypes,
    IStorageOrdersErrors,
    IStorageOrdersEvents
{
    /// @notice Adds to the caller's balance. Refuses tokens that move another amount than asked.
    function deposit(uint128 amount) external;

    /// @notice Adds to another payer's balance.
    function depositFor(address payer, uint128 amount) external;

    /// @notice Announces a withdrawal: `amount` stops to count as free at once and can be withdrawn after payerDelay.
    /// It replaces an earlier request; 0 cancels. Orders may still spend it meanwhile.
    function requestWithdrawal(uint128 amount) external;

    /// @notice Pays the announced amount, or what is left of it, to the caller.
    function withdraw() external;

    /// @notice Opens an order for all its slots.
    /// @dev Requires a sound order of this group, now < openBy ≤ start(startEpoch), a roster in force, the payer's
    /// signature (ECDSA, or ERC-1271), each provider's operator signature, stake for the collateral of every slot
    /// and the whole cost in the payer's balance. By anyone, once.
    /// @param providerSignatures 64 bytes (EIP-2098) per slot, in slot order, over the EIP-712 digest of the order.
    function open(
        Order calldata order,
        bytes calldata payerSignature,
        bytes calldata providerSignatures
    ) external returns (bytes32 orderId);

    /// @notice Opens an order that an agent has signed instead of the payer; its cost is taken out of the budget that
    /// the payer gave the agent at `Allowances`, too.
    /// @dev Everybody signs the same digest: a key that signs as a provider's operator must not be an agent's.
    function openByAgent(
        Order calldata order,
        address agent,
        bytes calldata agentSignature,
        bytes calldata providerSignatures
    ) external returns (bytes32 orderId);

    /// @notice Opens `next`, which goes on where `order` ends, without a signature of the payer: by the terms that it
    /// set at `Allowances`. By anyone.
    /// @dev Requires that `order` is open, not ended early and in its last eighth (at least its last epoch), that
    /// `next` starts at its end and has the present holders of all its slots (none vacant), the terms to allow it, and
    /// otherwise what `open` does. With other holders strangers could take an order over without having its data.
    function renew(
        Order calldata order,
        Order calldata next,
        bytes calldata providerSignatures
    ) external returns (bytes32 nextId);

    /// @notice Makes an order that was signed but not opened void for ever. By its owner or payer.
    function cancel(Order calldata order) external;

    /// @notice Says, once, that an order is in its last eighth (at least its last epoch). By anyone.
    function announceExpiry(Order calldata order) external;

    /// @notice Settles all slots up to `toEpoch` (exclusive), the last finished epoch, the order's end, or 16 terms,
    /// whichever is first. By anyone. At its end the order closes and what is left returns to the payer.
    function settle(Order calldata order, uint32 toEpoch) external;

    /// @notice Ends an order early: at max(now + 1, startEpoch + minEpochs), or, when the group has certified nothing
    /// for more than maxGap epochs, right after the last certified one. By owner or payer.
    function end(Order calldata order) external;

    /// @notice Gives the providers that hold the slots of a closed order their collateral back, once no direct
    /// challenge to one of these slots is open. By anyone.
    function releaseCollateral(Order calldata order) external;

    /// @notice Notes that slots of an order changed hands. Only `Repairs`.
    /// @param vacated Slots that became vacant (1), were taken again (−1), or went from hand to hand (0).
    /// @param reserved Taken out of the escrow for a bonus.
    function noteHandOver(bytes32 orderId, int8 vacated, uint128 reserved) external;

    /// @notice Adds to a payer's balance what already lies here. Only `Disputes` and `Repairs`.
    function creditPayer(address payer, bytes32 orderId, uint128 amount) external;

    /// @notice Adds to a provider's credit what already lies here. Only `Repairs`.
    function creditProvider(uint32 providerId, bytes32 orderId, uint128 amount) external;

    /// @notice Moves `due`, or what there is, from a payer's balance to a provider's credit. Only `Allowances`.
    function payReads(address payer, uint32 providerId, uint128 due) external returns (uint128 paid);

    /// @notice Adds to the treasury's part of the current term what already lies here. Only `Disputes` and `Repairs`.
    function creditTreasury(bytes32 orderId, uint128 amount) external;

    /// @notice Pays a provider's credit to its owner. By anyone.
    function withdrawCredit(uint32 providerId) external;

    /// @notice Pays a keeper's share of the term's pool to its owner: pool · (earning − absences) / (members ·
    /// earning), less what it had before. By anyone, when the keeper is on the roster of the term and all its epochs
    /// are finished. Can be repeated when later settlements have filled the pool further.
    function claimKeeperFee(uint32 term, uint32 keeperId) external;

    /// @notice Pays the treasury what it earned in a term and, once the term is over, what no keeper may claim. By
    /// anyone.
    function withdrawTreasury(uint32 term) external;

    /// @notice Balance of a payer less an announced withdrawal: what others may count on.
    function balanceOf(address payer) external view returns (uint128);

    /// @notice The announced withdrawal of a payer.
    function withdrawalOf(address payer) external view returns (Withdrawal memory);

    /// @notice What became of an order.
    function orderState(bytes32 orderId) external view returns (OrderState memory);

    /// @notice Id of an order: its EIP-712 struct hash.
    function orderIdOf(Order calldata order) external pure returns (bytes32);

    /// @notice What payer and providers sign.
    function orderDigest(Order calldata order) external view returns (bytes32);

    /// @notice What opening the order takes from the payer's balance.
    function cost(Order calldata order) external pure returns (Cost memory);

    /// @notice What a provider can withdraw.
    function credit(uint32 providerId) external view returns (uint128);

    /// @notice What keepers and treasury were paid for a term so far, claimed or not.
    function pool(uint32 term) external view returns (Pool memory);

    /// @notice What a keeper has claimed of a term.
    function claimed(uint32 term, uint32 keeperId) external view returns (uint128);

    /// @notice What the treasury has withdrawn of a term.
    function treasuryClaimed(uint32 term) external view returns (uint128);

    /// @notice Orders opened so far.
    function sequence() external view returns (uint64);

    /// @notice Shards in all slots of orders whose collateral is not released, vacant slots included.
    function activeShards() external view returns (uint128);
}
