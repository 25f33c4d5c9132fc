// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {GroupContract} from "./GroupContract.sol";
import {IChallengeSettlement, IChallengeSettlementTypes} from "./interfaces/IChallengeSettlement.sol";
import {IDisputes} from "./interfaces/IDisputes.sol";
import {IRepairs, IRepairsTypes} from "./interfaces/IRepairs.sol";
import {IStaking} from "./interfaces/IStaking.sol";
import {IStorageOrders, Order} from "./interfaces/IStorageOrders.sol";
import {CloneArguments} from "./libraries/CloneArguments.sol";
import {OrderCheck} from "./libraries/OrderCheck.sol";
import {OrderHash} from "./libraries/OrderHash.sol";
import {OrderWord} from "./libraries/OrderWord.sol";
import {Payments} from "./libraries/Payments.sol";
import {RollingHash} from "./libraries/RollingHash.sol";
import {Tokens} from "./libraries/Tokens.sol";

/// @title Orders and money of a group
/// @notice Documented at `IStorageOrders`.
contract StorageOrders is GroupContract, EIP712, ReentrancyGuardTransient, IStorageOrders {
    using OrderHash for Order;
    using OrderWord for OrderState;
    using OrderWord for uint256;
    using RollingHash for RollingHash.Chain;
    using SafeCast for uint256;
    using SafeERC20 for IERC20;
    using Tokens for IERC20;

    uint256 private constant SEQUENCE_BITS = 64;

    struct Withdrawal {
        uint128 amount;
        uint64 availableAt;
    }

    struct Pool {
        uint128 keepers;
        uint128 treasury;
    }

    /// @dev One page of settling an order.
    struct Page {
        uint256 rate;
        uint256 slots;
        uint32 from;
        uint32 to;
        /// Epochs that can still be earned after it.
        uint32 rest;
        uint256 toProviders;
        uint256 toKeepers;
        uint256 toTreasury;
        /// Most that the rest can cost.
        uint256 kept;
        /// Bitmap of the slots that changed hands, which are settled apart.
        uint256 changed;
    }

    mapping(address payer => uint128 balance) private _balances;
    mapping(address payer => Withdrawal withdrawal) private _withdrawals;
    mapping(bytes32 orderId => uint256 word) private _orders;

    /// @inheritdoc IStorageOrders
    mapping(uint32 term => Pool pool) public pool;

    /// @inheritdoc IStorageOrders
    mapping(uint32 providerId => uint128 amount) public credit;

    /// @inheritdoc IStorageOrders
    mapping(uint32 term => mapping(uint32 keeperId => uint128 amount) amounts) public claimed;

    /// @inheritdoc IStorageOrders
    mapping(uint32 term => uint128 amount) public treasuryClaimed;

    /// @dev Orders opened so far (64 bits) ‖ shards of those that are open or closed, not released: opening an order
    /// writes one word.
    uint256 private _totals;

    constructor() EIP712("memo StorageOrders", "1") {}

    // --------------------------------------------------------------------------------------------------- deposits

    /// @inheritdoc IStorageOrders
    function deposit(uint128 amount) external {
        depositFor(msg.sender, amount);
    }

    /// @inheritdoc IStorageOrders
    function depositFor(address payer, uint128 amount) public nonReentrant {
        if (payer == address(0)) revert PayerMissing();
        if (amount == 0) revert AmountZero();
        _balances[payer] += amount;
        _events.log(Deposited.selector, _topic(payer), _topic(msg.sender), abi.encode(amount));
        _token().pull(msg.sender, amount);
    }

    /// @inheritdoc IStorageOrders
    function requestWithdrawal(uint128 amount) external {
        uint128 balance = _balances[msg.sender];
        if (amount > balance) revert BalanceTooLow(msg.sender, balance, amount);
        uint64 availableAt = uint64(block.timestamp + CloneArguments.word(CloneArguments.PAYER_DELAY));
        _withdrawals[msg.sender] = Withdrawal(amount, availableAt);
        _events.log(WithdrawalRequested.selector, _topic(msg.sender), abi.encode(amount, availableAt));
    }

    /// @inheritdoc IStorageOrders
    function withdraw() external nonReentrant {
        Withdrawal memory withdrawal = _withdrawals[msg.sender];
        if (withdrawal.amount == 0) revert NothingRequested(msg.sender);
        if (block.timestamp < withdrawal.availableAt) {
            revert WithdrawalNotReady(withdrawal.availableAt, uint64(block.timestamp));
        }
        uint128 balance = _balances[msg.sender];
        // Orders may have spent part of what was announced.
        uint128 amount = withdrawal.amount < balance ? withdrawal.amount : balance;
        if (amount == 0) revert NothingToWithdraw();
        delete _withdrawals[msg.sender];
        _balances[msg.sender] = balance - amount;
        _events.log(Withdrawn.selector, _topic(msg.sender), abi.encode(amount));
        _token().safeTransfer(msg.sender, amount);
    }

    // ----------------------------------------------------------------------------------------------------- orders

    /// @inheritdoc IStorageOrders
    function open(
        Order calldata order,
        bytes calldata payerSignature,
        bytes calldata providerSignatures
    ) external nonReentrant returns (bytes32 orderId) {
        OrderCheck.checkContent(order, _address(CloneArguments.SETTLEMENT));
        OrderCheck.checkTimes(order);
        orderId = order.id();
        if (_orders[orderId] != 0) revert OrderAlreadyOpened(orderId);
        uint32 term = _termOf(_epochNow());
        if (_settlement().rosterSize(term) == 0) revert NoRosterInForce(term);

        uint128 escrow = cost(order).total;
        uint128 balance = _balances[order.payer];
        if (balance < escrow) revert BalanceTooLow(order.payer, balance, escrow);
        _balances[order.payer] = balance - escrow;
        _orders[orderId] = OrderWord.opened(order.startEpoch, order.endEpoch, escrow);
        uint256 totals = _totals + (_shards(order) << SEQUENCE_BITS) + 1;
        _totals = totals;
        _events.log(
            OrderOpened.selector,
            orderId,
            _topic(order.owner),
            _topic(order.payer),
            abi.encode(uint64(totals), order)
        );

        address[] memory operators = _staking().lockCollateral(order.providers, _collateral(order), orderId);
        bytes32 digest = _hashTypedDataV4(orderId);
        OrderCheck.checkProviders(order.providers, operators, digest, providerSignatures);
        OrderCheck.checkPayer(order.payer, digest, payerSignature);
    }

    /// @inheritdoc IStorageOrders
    function settle(Order calldata order, uint32 toEpoch) external {
        bytes32 orderId = order.id();
        OrderState memory state = _orders[orderId].unpack();
        if (state.status != OrderStatus.Open) revert OrderNotOpen(orderId);
        IChallengeSettlementTypes.Tally memory tally = _settlement().tally(
            order.providers,
            order.startEpoch,
            state.settledTo,
            toEpoch < state.endEpoch ? toEpoch : state.endEpoch,
            state.uneven
        );
        Page memory page;
        (page.rate, page.slots) = (uint256(order.price) * order.stripes, order.providers.length);
        (page.from, page.to, page.rest) = (state.settledTo, tally.to, state.endEpoch - tally.to);
        if (page.to == page.from && page.rest != 0) revert NothingToSettle(orderId, page.from);
        if (page.to != page.from) {
            if (state.changed) _settleChanged(orderId, state.endEpoch, page);
            _settleProviders(order, state, tally, page);
            _settleTerms(order.startEpoch, tally, page);
        }
        uint128 refund = state.escrow - (page.toProviders + page.toKeepers + page.toTreasury + page.kept).toUint128();
        if (refund != 0) _balances[order.payer] += refund;
        state.settledTo = page.to;
        state.escrow = uint128(page.kept);
        if (page.rest == 0) state.status = OrderStatus.Closed;
        _orders[orderId] = state.pack();
        _events.log(
            OrderSettled.selector,
            orderId,
            abi.encode(page.from, page.to, page.toProviders, page.toKeepers, page.toTreasury, refund)
        );
        if (page.rest == 0) _events.log(OrderClosed.selector, orderId, "");
    }

    /// @inheritdoc IStorageOrders
    function end(Order calldata order) external {
        bytes32 orderId = order.id();
        OrderState memory state = _orders[orderId].unpack();
        if (state.status != OrderStatus.Open) revert OrderNotOpen(orderId);
        if (msg.sender != order.owner && msg.sender != order.payer) revert NotOwnerOrPayer(msg.sender);
        uint32 epochNow = _epochNow();
        uint32 endEpoch = _max(epochNow + 1, order.startEpoch + order.minEpochs);
        uint32 lastCertified = _settlement().lastCertified();
        uint256 lastHeard = _max(lastCertified, order.startEpoch - 1);
        if (epochNow > lastHeard + CloneArguments.word(CloneArguments.MAX_GAP)) {
            // Nobody may ever certify again: end where no further certificate is needed to close.
            endEpoch = _max(lastCertified + 1, order.startEpoch);
        }
        if (endEpoch >= state.endEpoch) revert EndNotEarlier(state.endEpoch);
        state.endEpoch = endEpoch;
        _orders[orderId] = state.pack();
        _events.log(OrderEnding.selector, orderId, _topic(msg.sender), abi.encode(endEpoch));
    }

    /// @inheritdoc IStorageOrders
    function releaseCollateral(Order calldata order) external {
        bytes32 orderId = order.id();
        OrderState memory state = _orders[orderId].unpack();
        if (state.status != OrderStatus.Closed) revert OrderNotClosed(orderId);
        state.status = OrderStatus.Released;
        _orders[orderId] = state.pack();
        _totals -= _shards(order) << SEQUENCE_BITS;
        // What vacant slots locked is for `Disputes` to settle.
        uint32[] memory slots = state.changed ? _repairs().holdersOf(order) : order.providers;
        uint32[] memory holders = new uint32[](slots.length - state.evicted);
        uint256 held = 0;
        for (uint256 slot = 0; slot < slots.length; ++slot) {
            if (slots[slot] == 0) continue;
            if (_disputes().challengesOpen(orderId, uint8(slot)) != 0) revert ChallengeStillOpen(orderId, slot);
            holders[held++] = slots[slot];
        }
        _staking().releaseCollateral(holders, _collateral(order), orderId);
    }

    // -------------------------------------------------------------------------------------------- for the group only

    /// @inheritdoc IStorageOrders
    function noteHandOver(
        bytes32 orderId,
        int8 vacated,
        uint128 reserved
    ) external onlyContract(CloneArguments.REPAIRS) {
        OrderState memory state = _orders[orderId].unpack();
        if (state.escrow < reserved) revert EscrowTooLow(orderId, state.escrow, reserved);
        state.escrow -= reserved;
        state.evicted = uint8(int8(state.evicted) + vacated);
        state.changed = true;
        _orders[orderId] = state.pack();
    }

    /// @inheritdoc IStorageOrders
    function creditPayer(address payer, bytes32 orderId, uint128 amount) external {
        _onlyOf(CloneArguments.DISPUTES, CloneArguments.REPAIRS);
        _balances[payer] += amount;
        _events.log(PayerCredited.selector, _topic(payer), orderId, abi.encode(amount));
    }

    /// @inheritdoc IStorageOrders
    function creditProvider(
        uint32 providerId,
        bytes32 orderId,
        uint128 amount
    ) external onlyContract(CloneArguments.REPAIRS) {
        credit[providerId] += amount;
        _events.log(ProviderCredited.selector, _topic(providerId), orderId, abi.encode(amount));
    }

    /// @inheritdoc IStorageOrders
    function payReads(
        address payer,
        uint32 providerId,
        uint128 due
    ) external onlyContract(CloneArguments.ALLOWANCES) returns (uint128 paid) {
        uint128 balance = _balances[payer];
        paid = due < balance ? due : balance;
        if (paid == 0) revert BalanceTooLow(payer, 0, due);
        _balances[payer] = balance - paid;
        credit[providerId] += paid;
        _events.log(ReadsPaid.selector, _topic(payer), _topic(providerId), abi.encode(paid));
    }

    /// @inheritdoc IStorageOrders
    function creditTreasury(bytes32 orderId, uint128 amount) external {
        _onlyOf(CloneArguments.DISPUTES, CloneArguments.REPAIRS);
        uint32 term = _termOf(_epochNow());
        pool[term].treasury += amount;
        _events.log(TreasuryCredited.selector, _topic(term), orderId, abi.encode(amount));
    }

    // ------------------------------------------------------------------------------------------------ withdrawals

    /// @inheritdoc IStorageOrders
    function withdrawCredit(uint32 providerId) external nonReentrant {
        uint128 amount = credit[providerId];
        if (amount == 0) revert NothingToWithdraw();
        credit[providerId] = 0;
        address owner = _staking().provider(providerId).owner;
        _events.log(CreditWithdrawn.selector, _topic(providerId), _topic(owner), abi.encode(amount));
        _token().safeTransfer(owner, amount);
    }

    /// @inheritdoc IStorageOrders
    function claimKeeperFee(uint32 term) external nonReentrant {
        IChallengeSettlementTypes.TermTally memory tally = _settlement().termTally(term);
        if (!tally.over) revert TermNotOver(term);
        uint256 members = tally.operators.length;
        uint256 member = 0;
        while (member < members && tally.operators[member] != msg.sender) ++member;
        if (member == members) revert NotOnRoster(term, msg.sender);
        uint32 keeperId = tally.keeperIds[member];
        uint256 served = tally.earning - tally.absences[member];
        uint128 share = uint128(Payments.keeperShare(pool[term].keepers, served, tally.earning, members));
        uint128 amount = share - claimed[term][keeperId];
        if (amount == 0) revert NothingToWithdraw();
        claimed[term][keeperId] = share;
        address owner = _staking().keeper(keeperId).owner;
        _events.log(KeeperFeeClaimed.selector, _topic(term), _topic(keeperId), _topic(owner), abi.encode(amount));
        _token().safeTransfer(owner, amount);
    }

    /// @inheritdoc IStorageOrders
    function withdrawTreasury(uint32 term) external nonReentrant {
        Pool memory pool_ = pool[term];
        IChallengeSettlementTypes.TermTally memory tally = _settlement().termTally(term);
        uint256 earned = pool_.treasury;
        if (tally.over) {
            uint256 absences = 0;
            for (uint256 i = 0; i < tally.absences.length; ++i) absences += tally.absences[i];
            earned += Payments.keeperShare(pool_.keepers, absences, tally.earning, tally.operators.length);
        }
        uint128 amount = uint128(earned) - treasuryClaimed[term];
        if (amount == 0) revert NothingToWithdraw();
        treasuryClaimed[term] = uint128(earned);
        address treasury = _address(CloneArguments.TREASURY);
        _events.log(TreasuryWithdrawn.selector, _topic(term), _topic(treasury), abi.encode(amount));
        _token().safeTransfer(treasury, amount);
    }

    // ------------------------------------------------------------------------------------------------------ views

    /// @inheritdoc IStorageOrders
    function balanceOf(address payer) external view returns (uint128) {
        (uint128 balance, uint128 announced) = (_balances[payer], _withdrawals[payer].amount);
        return balance > announced ? balance - announced : 0;
    }

    /// @inheritdoc IStorageOrders
    function withdrawalOf(address payer) external view returns (uint128 amount, uint64 availableAt) {
        return (_withdrawals[payer].amount, _withdrawals[payer].availableAt);
    }

    /// @inheritdoc IStorageOrders
    function orderState(bytes32 orderId) external view returns (OrderState memory) {
        return _orders[orderId].unpack();
    }

    /// @inheritdoc IStorageOrders
    function orderIdOf(Order calldata order) external pure returns (bytes32) {
        return order.id();
    }

    /// @inheritdoc IStorageOrders
    function orderDigest(Order calldata order) external view returns (bytes32) {
        return _hashTypedDataV4(order.id());
    }

    /// @inheritdoc IStorageOrders
    function sequence() external view returns (uint64) {
        return uint64(_totals);
    }

    /// @inheritdoc IStorageOrders
    function activeShards() external view returns (uint128) {
        return uint128(_totals >> SEQUENCE_BITS);
    }

    /// @inheritdoc IStorageOrders
    function cost(Order calldata order) public pure returns (Cost memory result) {
        uint256 rate = uint256(order.price) * order.stripes;
        uint256 slots = order.providers.length;
        uint256 epochs = order.endEpoch - order.startEpoch;
        result.providers = (slots * Payments.providerPay(rate, epochs)).toUint128();
        result.keepers = Payments.keeperPay(rate, slots, epochs).toUint128();
        result.treasury = Payments.treasuryPay(rate, slots, epochs).toUint128();
        result.total = result.providers + result.keepers + result.treasury;
    }

    // --------------------------------------------------------------------------------------------------- internal

    function _ownInterface() internal pure override returns (bytes4) {
        return type(IStorageOrders).interfaceId;
    }

    /// @dev Credits each slot by the epochs it passed, and adds up what the slots may still earn. Nothing overflows:
    /// rates have at most 160 bits, epochs 32, slots 5; and no slot missed more epochs than there were.
    function _settleProviders(
        Order calldata order,
        OrderState memory state,
        IChallengeSettlementTypes.Tally memory tally,
        Page memory page
    ) private {
        unchecked {
            uint256 before = page.from - order.startEpoch - tally.deadBefore;
            uint256 after_ = page.to - order.startEpoch - tally.dead[tally.dead.length - 1];
            bool anyBefore = tally.missedBefore.length != 0;
            bool anyWithin = tally.missedWithin.length != 0;
            if (anyWithin) state.uneven = true;
            (uint256 pay, uint256 kept) = Payments.earnedAndKept(page.rate, before, after_, page.rest);
            for (uint256 i = 0; i < page.slots; ++i) {
                if ((page.changed >> i) & 1 == 1) continue;
                (uint256 slotPay, uint256 slotKept) = (pay, kept);
                if (anyBefore || anyWithin) {
                    uint256 missedBefore = anyBefore ? tally.missedBefore[i] : 0;
                    uint256 missedWithin = anyWithin ? tally.missedWithin[i] : 0;
                    (slotPay, slotKept) = Payments.earnedAndKept(
                        page.rate,
                        before - missedBefore,
                        after_ - missedBefore - missedWithin,
                        page.rest
                    );
                }
                page.kept += slotKept;
                _pay(page, order.providers[i], slotPay);
            }
        }
    }

    /// @dev Credits those who held or hold the slots that changed hands.
    function _settleChanged(bytes32 orderId, uint32 endEpoch, Page memory page) private {
        IRepairsTypes.SlotPay[] memory pays = _repairs().settleSlots(
            orderId,
            page.rate,
            page.slots,
            page.from,
            page.to,
            endEpoch
        );
        for (uint256 i = 0; i < pays.length; ++i) {
            IRepairsTypes.SlotPay memory pay = pays[i];
            page.changed |= 1 << pay.slot;
            _pay(page, pay.former, pay.formerPay);
            _pay(page, pay.holder, pay.holderPay);
            page.kept += pay.kept;
        }
    }

    /// @dev All credits together are less than the token's supply that was deposited.
    function _pay(Page memory page, uint32 providerId, uint256 amount) private {
        if (amount == 0) return;
        unchecked {
            page.toProviders += amount;
            credit[providerId] += uint128(amount);
        }
    }

    /// @dev Keepers earn by epochs that were certified and did not lapse, the treasury by epochs that are not dead.
    function _settleTerms(uint32 start, IChallengeSettlementTypes.Tally memory tally, Page memory page) private {
        uint256 termLength = CloneArguments.word(CloneArguments.TERM_LENGTH);
        uint32 term = uint32(page.from / termLength);
        uint256 earning = page.from - start - tally.feelessBefore;
        uint256 counted = page.from - start - tally.deadBefore;
        uint256 keepers = Payments.keeperPay(page.rate, page.slots, earning);
        uint256 treasury = Payments.treasuryPay(page.rate, page.slots, counted);
        for (uint256 i = 0; i < tally.dead.length; ++i) {
            uint256 segmentEnd = (term + i + 1) * termLength;
            if (segmentEnd > page.to) segmentEnd = page.to;
            earning = segmentEnd - start - tally.feeless[i];
            counted = segmentEnd - start - tally.dead[i];
            uint256 keepersNow = Payments.keeperPay(page.rate, page.slots, earning);
            uint256 treasuryNow = Payments.treasuryPay(page.rate, page.slots, counted);
            if (keepersNow != keepers || treasuryNow != treasury) {
                Pool storage pool_ = pool[uint32(term + i)];
                pool_.keepers += (keepersNow - keepers).toUint128();
                pool_.treasury += (treasuryNow - treasury).toUint128();
                page.toKeepers += keepersNow - keepers;
                page.toTreasury += treasuryNow - treasury;
            }
            (keepers, treasury) = (keepersNow, treasuryNow);
        }
        page.kept += Payments.keeperPay(page.rate, page.slots, earning + page.rest) - keepers;
        page.kept += Payments.treasuryPay(page.rate, page.slots, counted + page.rest) - treasury;
    }

    function _collateral(Order calldata order) private view returns (uint128) {
        return (CloneArguments.word(CloneArguments.COLLATERAL_PER_SHARD) * order.stripes).toUint128();
    }

    function _shards(Order calldata order) private pure returns (uint256) {
        return order.providers.length * order.stripes;
    }

    function _max(uint32 a, uint32 b) private pure returns (uint32) {
        return a > b ? a : b;
    }

    function _token() private view returns (IERC20) {
        return IERC20(_address(CloneArguments.TOKEN));
    }

    function _staking() private view returns (IStaking) {
        return IStaking(_address(CloneArguments.STAKING));
    }

    function _disputes() private view returns (IDisputes) {
        return IDisputes(_address(CloneArguments.DISPUTES));
    }

    function _repairs() private view returns (IRepairs) {
        return IRepairs(_address(CloneArguments.REPAIRS));
    }

    function _settlement() private view returns (IChallengeSettlement) {
        return IChallengeSettlement(_address(CloneArguments.SETTLEMENT));
    }
}
