// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {IGroup} from "./IGroup.sol";
import {Order} from "./IStorageOrders.sol";

interface IAllowancesTypes {
    /// @notice What somebody may spend of a payer's balance.
    struct Agent {
        /// Token wei that are left.
        uint128 budget;
        /// Unix seconds from which nothing more can be spent.
        uint64 expiresAt;
    }

    /// @notice A payer's promise of pay for reads, as it (or an agent) signs it. The latest one stands for all of its
    /// channel before it: totals only rise.
    struct Voucher {
        address payer;
        uint32 providerId;
        /// Tells apart a payer's series of vouchers to one provider.
        uint64 channel;
        /// Token wei promised since the channel's first voucher.
        uint128 total;
        /// Unix seconds from which it is worth nothing.
        uint64 expiresAt;
    }

    struct SignedVoucher {
        Voucher voucher;
        /// The payer, or an agent out of whose budget it is paid.
        address signer;
        /// ECDSA (64 or 65 bytes) or ERC-1271.
        bytes signature;
    }

    /// @notice On what terms an order may be continued without a further signature of its payer.
    struct Renewal {
        /// Highest price, token wei per 2^32 shard-epochs of one slot.
        uint128 maxPrice;
        /// Length of each continuation.
        uint32 epochs;
        /// Continuations that may still follow.
        uint16 left;
    }
}

interface IAllowancesErrors {
    /// @notice An agent is an address other than zero.
    error AgentMissing();
    /// @notice The payer let the agent spend until `expiresAt` only.
    error AgentExpired(address payer, address agent, uint64 expiresAt, uint256 time);
    /// @notice What is left of the agent's budget does not cover this.
    error BudgetTooLow(address payer, address agent, uint128 budget, uint128 required);
    /// @notice The signed consent was to be used until `deadline`.
    error SignatureExpired(uint64 deadline, uint256 time);
    /// @notice `signer` has not signed this, by key or by ERC-1271.
    error SignatureInvalid(address signer);
    /// @notice The nonce was used, or made unusable by the payer.
    error NonceUsed(address payer, uint256 nonce);
    /// @notice None of the vouchers pays anything now; `reason` of the last one, as in `VoucherSkipped`.
    error NothingRedeemed(bytes32 reason);
    /// @notice No provider has this id.
    error ProviderUnknown(uint32 providerId);
    /// @notice A renewal is for at least one epoch and has a price.
    error RenewalInvalid(uint128 maxPrice, uint32 epochs);
    /// @notice The payer allows no (further) continuation of the order.
    error RenewalMissing(address payer, bytes32 orderId);
    /// @notice The next order asks for more than the payer allowed.
    error RenewalTooDear(bytes32 orderId, uint128 price, uint128 maxPrice);
    /// @notice `what` of the continuation is not what the order and its terms say. ASCII.
    error RenewalDiffers(bytes32 orderId, bytes32 what);
}

interface IAllowancesEvents {
    /// @notice Replaces what the agent was allowed before; a budget of 0 takes it back.
    event AgentApproved(address indexed payer, address indexed agent, uint128 budget, uint64 expiresAt);
    /// @notice `budget` is what is left. `purpose` is the order's id, or the hash of payer, provider and channel.
    event AgentSpent(
        address indexed payer,
        address indexed agent,
        bytes32 indexed purpose,
        uint128 amount,
        uint128 budget
    );
    /// @notice Nonces 256 · word + i for each bit i of the mask can never be used (again).
    event NoncesInvalidated(address indexed payer, uint256 indexed word, uint256 mask);
    /// @notice `amount` went to the provider's credit; the channel has paid `redeemed` in all.
    event VoucherRedeemed(
        address indexed payer,
        uint32 indexed providerId,
        address indexed signer,
        uint64 channel,
        uint128 amount,
        uint128 redeemed
    );
    /// @notice A signed voucher pays nothing now: EXPIRED, NOT_HIGHER (than what its channel has paid), BALANCE_EMPTY,
    /// AGENT_EXPIRED or BUDGET_EMPTY. ASCII.
    event VoucherSkipped(address indexed payer, uint32 indexed providerId, uint64 channel, bytes32 reason);
    /// @notice Replaces earlier terms; `left` 0 takes them back.
    event RenewalSet(address indexed payer, bytes32 indexed orderId, uint128 maxPrice, uint32 epochs, uint16 left);
    /// @notice An order was continued: the terms, with `left` one lower, go on with the next one.
    event RenewalUsed(address indexed payer, bytes32 indexed orderId, bytes32 indexed nextOrderId, uint16 left);
}

/// @title What a payer lets others spend
/// @notice Agents with a budget, vouchers for reads and standing renewals. Nothing here holds tokens: whatever is spent
/// comes out of the payer's balance in `StorageOrders`, and only by a right that the payer gave.
interface IAllowances is IGroup, IERC5267, IAllowancesTypes, IAllowancesErrors, IAllowancesEvents {
    /// @notice Lets `agent` spend up to `budget` of the caller's balance until `expiresAt`, for orders and vouchers.
    /// It replaces what the agent had; 0 takes it back.
    /// @dev An agent that sees its budget lowered can spend the former one first: lower it to 0, look, then raise it.
    function approveAgent(address agent, uint128 budget, uint64 expiresAt) external;

    /// @notice The same by the payer's signature, sent by anyone.
    /// @dev What is signed and not handed in stays good until its deadline: of two approvals of one agent the one
    /// handed in last counts. `invalidateNonces` takes them back.
    /// @param nonce Any that the payer has not used; in no order.
    /// @param deadline Unix seconds until which the signature is good.
    /// @param signature EIP-712 ApproveAgent(address payer,address agent,uint128 budget,uint64 expiresAt,uint256 nonce,
    /// uint64 deadline): ECDSA or ERC-1271.
    function approveAgentBySignature(
        address payer,
        address agent,
        uint128 budget,
        uint64 expiresAt,
        uint256 nonce,
        uint64 deadline,
        bytes calldata signature
    ) external;

    /// @notice Sets on what terms an order of the caller may be continued: same content, same holders, from its end on,
    /// in its last eighth, at most at `maxPrice`. 0 times takes the terms back.
    function setRenewal(bytes32 orderId, uint128 maxPrice, uint32 epochs, uint16 times) external;

    /// @notice The same by the payer's signature, sent by anyone.
    /// @param signature EIP-712 SetRenewal(address payer,bytes32 orderId,uint128 maxPrice,uint32 epochs,uint16 times,
    /// uint256 nonce,uint64 deadline): ECDSA or ERC-1271.
    function setRenewalBySignature(
        address payer,
        bytes32 orderId,
        uint128 maxPrice,
        uint32 epochs,
        uint16 times,
        uint256 nonce,
        uint64 deadline,
        bytes calldata signature
    ) external;

    /// @notice Makes nonces of the caller void: 256 · word + i for each bit i of the mask.
    function invalidateNonces(uint256 word, uint256 mask) external;

    /// @notice Pays vouchers to their providers' credit: of each what its channel has not paid yet, or what is left of
    /// the agent's budget and the payer's balance. By anyone.
    /// @dev What pays nothing now is passed over, else somebody could block a list by redeeming a part of it first.
    /// Reverts when all pays nothing, or with a signature that is none.
    /// @return paid Token wei in all.
    function redeem(SignedVoucher[] calldata vouchers) external returns (uint128 paid);

    /// @notice Takes what an order costs out of an agent's budget. Only `StorageOrders`.
    function spend(address payer, address agent, uint128 amount, bytes32 orderId) external;

    /// @notice Checks that `next` continues `order` on the terms of its payer, and passes the terms on. Only
    /// `StorageOrders`, which has checked times and holders.
    function useRenewal(Order calldata order, Order calldata next) external;

    /// @notice What an agent may spend of a payer's balance.
    function agentOf(address payer, address agent) external view returns (Agent memory);

    /// @notice Terms on which an order may be continued.
    function renewalOf(address payer, bytes32 orderId) external view returns (Renewal memory);

    /// @notice What a channel has paid so far.
    function redeemed(address payer, uint32 providerId, uint64 channel) external view returns (uint128);

    /// @notice Bitmap of used nonces: bit i is nonce 256 · word + i.
    function nonceWord(address payer, uint256 word) external view returns (uint256);

    /// @notice What payers and agents sign for a voucher.
    function voucherDigest(Voucher calldata voucher) external view returns (bytes32);
}
