// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {GroupContract} from "./GroupContract.sol";
import {IAllowances} from "./interfaces/IAllowances.sol";
import {IStaking} from "./interfaces/IStaking.sol";
import {IStorageOrders, Order} from "./interfaces/IStorageOrders.sol";
import {AllowanceHash} from "./libraries/AllowanceHash.sol";
import {CloneArguments} from "./libraries/CloneArguments.sol";
import {OrderHash} from "./libraries/OrderHash.sol";
import {PayerSignature} from "./libraries/PayerSignature.sol";
import {RollingHash} from "./libraries/RollingHash.sol";

/// @title What a payer lets others spend
/// @notice Documented at `IAllowances`.
contract Allowances is GroupContract, EIP712, IAllowances {
    using OrderHash for Order;
    using RollingHash for RollingHash.Chain;

    mapping(address payer => mapping(address agent => Agent allowed) agents) private _agents;
    mapping(address payer => mapping(bytes32 orderId => Renewal renewal) renewals) private _renewals;

    /// @inheritdoc IAllowances
    mapping(address payer => mapping(uint256 word => uint256 used) words) public nonceWord;

    /// @inheritdoc IAllowances
    mapping(address payer => mapping(uint32 providerId => mapping(uint64 channel => uint128 amount) channels) providers)
        public redeemed;

    constructor() EIP712("memo Allowances", "1") {}

    // ------------------------------------------------------------------------------------------------------ agents

    /// @inheritdoc IAllowances
    function approveAgent(address agent, uint128 budget, uint64 expiresAt) external {
        _approve(msg.sender, agent, budget, expiresAt);
    }

    /// @inheritdoc IAllowances
    function approveAgentBySignature(
        address payer,
        address agent,
        uint128 budget,
        uint64 expiresAt,
        uint256 nonce,
        uint64 deadline,
        bytes calldata signature
    ) external {
        bytes32 content = AllowanceHash.ofAgent(payer, agent, budget, expiresAt, nonce, deadline);
        _consent(payer, content, nonce, deadline, signature);
        _approve(payer, agent, budget, expiresAt);
    }

    /// @inheritdoc IAllowances
    function spend(
        address payer,
        address agent,
        uint128 amount,
        bytes32 orderId
    ) external onlyContract(CloneArguments.ORDERS) {
        _spend(payer, agent, amount, orderId);
    }

    // ---------------------------------------------------------------------------------------------------- renewals

    /// @inheritdoc IAllowances
    function setRenewal(bytes32 orderId, uint128 maxPrice, uint32 epochs, uint16 times) external {
        _setRenewal(msg.sender, orderId, maxPrice, epochs, times);
    }

    /// @inheritdoc IAllowances
    function setRenewalBySignature(
        address payer,
        bytes32 orderId,
        uint128 maxPrice,
        uint32 epochs,
        uint16 times,
        uint256 nonce,
        uint64 deadline,
        bytes calldata signature
    ) external {
        bytes32 content = AllowanceHash.ofRenewal(payer, orderId, maxPrice, epochs, times, nonce, deadline);
        _consent(payer, content, nonce, deadline, signature);
        _setRenewal(payer, orderId, maxPrice, epochs, times);
    }

    /// @inheritdoc IAllowances
    function useRenewal(Order calldata order, Order calldata next) external onlyContract(CloneArguments.ORDERS) {
        (bytes32 orderId, bytes32 nextId) = (order.id(), next.id());
        Renewal memory renewal = _renewals[order.payer][orderId];
        if (renewal.left == 0) revert RenewalMissing(order.payer, orderId);
        if (next.price > renewal.maxPrice) revert RenewalTooDear(orderId, next.price, renewal.maxPrice);
        bytes32 what = _difference(order, next, renewal.epochs);
        if (what != 0) revert RenewalDiffers(orderId, what);
        --renewal.left;
        delete _renewals[order.payer][orderId];
        if (renewal.left != 0) _renewals[order.payer][nextId] = renewal;
        _events.log(RenewalUsed.selector, _topic(order.payer), orderId, nextId, abi.encode(renewal.left));
    }

    // ---------------------------------------------------------------------------------------------------- vouchers

    /// @inheritdoc IAllowances
    function redeem(SignedVoucher[] calldata vouchers) external returns (uint128 paid) {
        uint32 providers = _staking().providerCount();
        bytes32 reason = 0;
        for (uint256 i = 0; i < vouchers.length; ++i) {
            Voucher calldata voucher = vouchers[i].voucher;
            uint128 amount;
            (amount, reason) = _redeem(vouchers[i], providers);
            paid += amount;
            if (amount != 0) continue;
            _events.log(
                VoucherSkipped.selector,
                _topic(voucher.payer),
                _topic(voucher.providerId),
                abi.encode(voucher.channel, reason)
            );
        }
        if (paid == 0) revert NothingRedeemed(reason);
    }

    // ------------------------------------------------------------------------------------------------------ nonces

    /// @inheritdoc IAllowances
    function invalidateNonces(uint256 word, uint256 mask) external {
        nonceWord[msg.sender][word] |= mask;
        _events.log(NoncesInvalidated.selector, _topic(msg.sender), _topic(word), abi.encode(mask));
    }

    // ------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IAllowances
    function agentOf(address payer, address agent) external view returns (Agent memory) {
        return _agents[payer][agent];
    }

    /// @inheritdoc IAllowances
    function renewalOf(address payer, bytes32 orderId) external view returns (Renewal memory) {
        return _renewals[payer][orderId];
    }

    /// @inheritdoc IAllowances
    function voucherDigest(Voucher calldata voucher) public view returns (bytes32) {
        return _hashTypedDataV4(AllowanceHash.ofVoucher(voucher));
    }

    // ---------------------------------------------------------------------------------------------------- internal

    function _ownInterface() internal pure override returns (bytes4) {
        return type(IAllowances).interfaceId;
    }

    function _approve(address payer, address agent, uint128 budget, uint64 expiresAt) private {
        if (agent == address(0)) revert AgentMissing();
        _agents[payer][agent] = Agent(budget, expiresAt);
        _events.log(AgentApproved.selector, _topic(payer), _topic(agent), abi.encode(budget, expiresAt));
    }

    function _spend(address payer, address agent, uint128 amount, bytes32 purpose) private {
        Agent storage allowed = _agents[payer][agent];
        (uint128 budget, uint64 expiresAt) = (allowed.budget, allowed.expiresAt);
        if (block.timestamp >= expiresAt) revert AgentExpired(payer, agent, expiresAt, block.timestamp);
        if (budget < amount) revert BudgetTooLow(payer, agent, budget, amount);
        allowed.budget = budget - amount;
        _events.log(AgentSpent.selector, _topic(payer), _topic(agent), purpose, abi.encode(amount, budget - amount));
    }

    function _setRenewal(address payer, bytes32 orderId, uint128 maxPrice, uint32 epochs, uint16 times) private {
        if (times != 0 && (maxPrice == 0 || epochs == 0)) revert RenewalInvalid(maxPrice, epochs);
        _renewals[payer][orderId] = Renewal(maxPrice, epochs, times);
        _events.log(RenewalSet.selector, _topic(payer), orderId, abi.encode(maxPrice, epochs, times));
    }

    /// @return amount What was paid, or 0 and why nothing was.
    function _redeem(SignedVoucher calldata signed, uint32 providers) private returns (uint128 amount, bytes32 reason) {
        Voucher calldata voucher = signed.voucher;
        (address payer, uint32 providerId, uint64 channel) = (voucher.payer, voucher.providerId, voucher.channel);
        if (providerId == 0 || providerId > providers) revert ProviderUnknown(providerId);
        if (!PayerSignature.isValid(signed.signer, voucherDigest(voucher), signed.signature)) {
            revert SignatureInvalid(signed.signer);
        }
        if (block.timestamp >= voucher.expiresAt) return (0, "EXPIRED");
        uint128 before = redeemed[payer][providerId][channel];
        if (voucher.total <= before) return (0, "NOT_HIGHER");
        uint128 due = voucher.total - before;
        if (signed.signer != payer) {
            Agent memory agent = _agents[payer][signed.signer];
            if (block.timestamp >= agent.expiresAt) return (0, "AGENT_EXPIRED");
            if (agent.budget == 0) return (0, "BUDGET_EMPTY");
            if (agent.budget < due) due = agent.budget;
        }
        amount = _orders().payReads(payer, providerId, due);
        if (amount == 0) return (0, "BALANCE_EMPTY");
        redeemed[payer][providerId][channel] = before + amount;
        if (signed.signer != payer) {
            _spend(payer, signed.signer, amount, keccak256(abi.encode(payer, providerId, channel)));
        }
        _events.log(
            VoucherRedeemed.selector,
            _topic(payer),
            _topic(providerId),
            _topic(signed.signer),
            abi.encode(channel, amount, before + amount)
        );
    }

    /// @dev The payer has signed the content, in time, with a nonce that is used up by this.
    function _consent(
        address payer,
        bytes32 content,
        uint256 nonce,
        uint64 deadline,
        bytes calldata signature
    ) private {
        if (block.timestamp > deadline) revert SignatureExpired(deadline, block.timestamp);
        uint256 bit = 1 << (nonce & 0xff);
        uint256 used = nonceWord[payer][nonce >> 8];
        if (used & bit != 0) revert NonceUsed(payer, nonce);
        if (!PayerSignature.isValid(payer, _hashTypedDataV4(content), signature)) revert SignatureInvalid(payer);
        nonceWord[payer][nonce >> 8] = used | bit;
        _events.log(NoncesInvalidated.selector, _topic(payer), _topic(nonce >> 8), abi.encode(bit));
    }

    /// @dev What `next` has otherwise than it must, or 0. Who holds the slots and when it starts is checked before.
    function _difference(Order calldata order, Order calldata next, uint32 epochs) private pure returns (bytes32) {
        if (next.owner != order.owner) return "OWNER";
        if (next.payer != order.payer) return "PAYER";
        if (next.shardRoot != order.shardRoot) return "SHARD_ROOT";
        if (next.stripes != order.stripes) return "STRIPES";
        if (next.policy != order.policy) return "POLICY";
        if (next.layout != order.layout) return "LAYOUT";
        if (next.endEpoch - next.startEpoch != epochs) return "EPOCHS";
        if (next.minEpochs > order.minEpochs) return "MIN_EPOCHS";
        if (keccak256(abi.encode(next.manifest)) != keccak256(abi.encode(order.manifest))) return "MANIFEST";
        return 0;
    }

    function _staking() private view returns (IStaking) {
        return IStaking(_address(CloneArguments.STAKING));
    }

    function _orders() private view returns (IStorageOrders) {
        return IStorageOrders(_address(CloneArguments.ORDERS));
    }
}
