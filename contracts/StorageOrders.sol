// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Earnings} from "./Earnings.sol";
import {IAllowances} from "./interfaces/IAllowances.sol";
import {IChallengeSettlementTypes} from "./interfaces/IChallengeSettlement.sol";
import {IDisputes} from "./interfaces/IDisputes.sol";
import {IRepairs, IRepairsTypes} from "./interfaces/IRepairs.sol";
import {IStorageOrders, Order} from "./interfaces/IStorageOrders.sol";
import {CloneArguments} from "./libraries/CloneArguments.sol";
import {OrderCheck} from "./libraries/OrderCheck.sol";
import {OrderHash} from "./libraries/OrderHash.sol";
import {OrderWord} from "./libraries/OrderWord.sol";
import {Payments} from "./libraries/Payments.sol";
import {RollingHash} from "./libraries/RollingHash.sol";

/// @title Orders and money of a group
/// @notice Documented at `IStorageOrders`. Balances are in `Payers`, what was earned in `Earnings`.
contract StorageOrders is Earnings, EIP712 {
    using OrderHash for Order;
    using OrderWord for OrderState;
    using OrderWord for uint256;
    using RollingHash for RollingHash.Chain;
    using SafeCast for uint256;

    uint256 private constant SEQUENCE_BITS = 64;
    /// @dev Of an order's epochs, the last one in so many are for saying that it ends and for renewing it.
    uint32 private constant LAST_PART = 8;

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

    mapping(bytes32 orderId => uint256 word) private _orders;

    /// @dev Orders opened so far (64 bits) ‖ shards of those that are open or closed, not released: opening an order
    /// writes one word.
    uint256 private _totals;

    constructor() EIP712("memo StorageOrders", "1") {}

    // ----------------------------------------------------------------------------------------------------- orders

    /// @inheritdoc IStorageOrders
    function open(
        Order calldata order,
        bytes calldata payerSignature,
        bytes calldata providerSignatures
    ) external nonReentrant returns (bytes32 orderId) {
        bytes32 digest;
        (orderId, digest, ) = _open(order, providerSignatures);
        OrderCheck.checkPayer(order.payer, digest, payerSignature);
    }

    /// @inheritdoc IStorageOrders
    function openByAgent(
        Order calldata order,
        address agent,
        bytes calldata agentSignature,
        bytes calldata providerSignatures
    ) external nonReentrant returns (bytes32 orderId) {
        bytes32 digest;
        uint128 escrow;
        (orderId, digest, escrow) = _open(order, providerSignatures);
        OrderCheck.checkPayer(agent, digest, agentSignature);
        _allowances().spend(order.payer, agent, escrow, orderId);
    }

    /// @inheritdoc IStorageOrders
    function renew(
        Order calldata order,
        Order calldata next,
        bytes calldata providerSignatures
    ) external nonReentrant returns (bytes32 nextId) {
        bytes32 orderId = order.id();
        OrderState memory state = _requireLastEighth(order, orderId);
        if (state.endEpoch != order.endEpoch) revert OrderEndsEarly(orderId, state.endEpoch);
        if (next.startEpoch != order.endEpoch) revert RenewalStartWrong(orderId, next.startEpoch, order.endEpoch);
        uint32[] memory holders = state.changed ? _repairs().holdersOf(order) : order.providers;
        for (uint256 slot = 0; slot < holders.length; ++slot) {
            uint32 providerId = slot < next.providers.length ? next.providers[slot] : 0;
            if (providerId != holders[slot] || providerId == 0) {
                revert RenewalHolderWrong(orderId, slot, providerId, holders[slot]);
            }
        }
        _allowances().useRenewal(order, next);
        (nextId, , ) = _open(next, providerSignatures);
        _events.log(OrderRenewed.selector, orderId, nextId, "");
    }

    /// @inheritdoc IStorageOrders
    function cancel(Order calldata order) external {
        bytes32 orderId = order.id();
        if (msg.sender != order.owner && msg.sender != order.payer) revert NotOwnerOrPayer(msg.sender);
        _requireNew(orderId);
        _orders[orderId] = uint256(uint8(OrderStatus.Cancelled));
        _events.log(OrderCancelled.selector, orderId, _topic(msg.sender), "");
    }

    /// @inheritdoc IStorageOrders
    function announceExpiry(Order calldata order) external {
        bytes32 orderId = order.id();
        OrderState memory state = _requireLastEighth(order, orderId);
        if (state.announced) revert ExpiryAlreadyAnnounced(orderId);
        state.announced = true;
        _orders[orderId] = state.pack();
        _events.log(
            OrderExpiring.selector,
            orderId,
            _topic(order.owner),
            _topic(order.payer),
            abi.encode(state.endEpoch)
        );
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
        if (refund != 0) _refund(order.payer, refund);
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
        _staking().releaseCollateral(holders, order.stripes, orderId);
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

    // ------------------------------------------------------------------------------------------------------ views

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

    /// @dev Opens an order to which the payer's consent is somebody else's to check.
    function _open(
        Order calldata order,
        bytes calldata providerSignatures
    ) private returns (bytes32 orderId, bytes32 digest, uint128 escrow) {
        OrderCheck.checkContent(order, _address(CloneArguments.SETTLEMENT));
        OrderCheck.checkTimes(order);
        orderId = order.id();
        _requireNew(orderId);
        uint32 term = _termOf(_epochNow());
        if (!_settlement().hasRoster(term)) revert NoRosterInForce(term);

        escrow = cost(order).total;
        _charge(order.payer, escrow);
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

        address[] memory operators = _staking().lockCollateral(order.providers, order.stripes, orderId);
        digest = _hashTypedDataV4(orderId);
        OrderCheck.checkProviders(order.providers, operators, digest, providerSignatures);
    }

    /// @dev Neither opened nor cancelled.
    function _requireNew(bytes32 orderId) private view {
        uint256 word = _orders[orderId];
        if (word == 0) return;
        if (word.statusOf() == OrderStatus.Cancelled) revert OrderIsCancelled(orderId);
        revert OrderAlreadyOpened(orderId);
    }

    /// @dev The order is open and in the last eighth of its time, which is one epoch at least.
    function _requireLastEighth(Order calldata order, bytes32 orderId) private view returns (OrderState memory state) {
        state = _orders[orderId].unpack();
        if (state.status != OrderStatus.Open) revert OrderNotOpen(orderId);
        uint32 last = (state.endEpoch - order.startEpoch) / LAST_PART;
        uint32 fromEpoch = state.endEpoch - _max(last, 1);
        uint32 epochNow = _epochNow();
        if (epochNow < fromEpoch || epochNow >= state.endEpoch) {
            revert NotInLastEighth(orderId, epochNow, fromEpoch, state.endEpoch);
        }
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
            uint256 apart = page.changed;
            for (uint256 i = 0; i < tally.missed.length; ++i) {
                uint256 missed = tally.missed[i];
                if (uint32(missed) != 0) state.uneven = true;
                if ((page.changed >> (missed >> 64)) & 1 == 1) continue;
                apart |= 1 << (missed >> 64);
                _settleUneven(order, page, missed, before, after_);
            }
            (uint256 pay, uint256 kept) = Payments.earnedAndKept(page.rate, before, after_, page.rest);
            _settleEven(order.providers, page, apart, pay, kept);
        }
    }

    /// @dev Slots that passed every epoch; all but those `apart`.
    function _settleEven(
        uint32[] calldata providers,
        Page memory page,
        uint256 apart,
        uint256 pay,
        uint256 kept
    ) private {
        unchecked {
            uint256 count = 0;
            for (uint256 slot = 0; slot < providers.length; ++slot) {
                if ((apart >> slot) & 1 == 1) continue;
                ++count;
                if (pay != 0) _creditPay(providers[slot], pay);
            }
            page.toProviders += count * pay;
            page.kept += count * kept;
        }
    }

    /// @param missed Slot ‖ missed epochs before the page ‖ within it.
    function _settleUneven(
        Order calldata order,
        Page memory page,
        uint256 missed,
        uint256 before,
        uint256 after_
    ) private {
        unchecked {
            uint256 missedBefore = uint32(missed >> 32);
            (uint256 pay, uint256 kept) = Payments.earnedAndKept(
                page.rate,
                before - missedBefore,
                after_ - missedBefore - uint32(missed),
                page.rest
            );
            page.kept += kept;
            _pay(page, order.providers[missed >> 64], pay);
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

    function _pay(Page memory page, uint32 providerId, uint256 amount) private {
        if (amount == 0) return;
        unchecked {
            page.toProviders += amount;
        }
        _creditPay(providerId, amount);
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
                _fillPool(uint32(term + i), (keepersNow - keepers).toUint128(), (treasuryNow - treasury).toUint128());
                page.toKeepers += keepersNow - keepers;
                page.toTreasury += treasuryNow - treasury;
            }
            (keepers, treasury) = (keepersNow, treasuryNow);
        }
        page.kept += Payments.keeperPay(page.rate, page.slots, earning + page.rest) - keepers;
        page.kept += Payments.treasuryPay(page.rate, page.slots, counted + page.rest) - treasury;
    }

    function _shards(Order calldata order) private pure returns (uint256) {
        return order.providers.length * order.stripes;
    }

    function _max(uint32 a, uint32 b) private pure returns (uint32) {
        return a > b ? a : b;
    }

    function _disputes() private view returns (IDisputes) {
        return IDisputes(_address(CloneArguments.DISPUTES));
    }

    function _repairs() private view returns (IRepairs) {
        return IRepairs(_address(CloneArguments.REPAIRS));
    }

    function _allowances() private view returns (IAllowances) {
        return IAllowances(_address(CloneArguments.ALLOWANCES));
    }
}
