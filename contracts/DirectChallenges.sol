// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SlotDisputes} from "./SlotDisputes.sol";
import {IDisputes} from "./interfaces/IDisputes.sol";
import {IRepairsTypes} from "./interfaces/IRepairs.sol";
import {IStorageOrdersTypes, Order} from "./interfaces/IStorageOrders.sol";
import {CallCost} from "./libraries/CallCost.sol";
import {CloneArguments} from "./libraries/CloneArguments.sol";
import {Draws} from "./libraries/Draws.sol";
import {OrderHash} from "./libraries/OrderHash.sol";
import {RollingHash} from "./libraries/RollingHash.sol";

/// @title Part of `Disputes`: anybody demands a proof that a shard is there
/// @notice Documented at `IDisputes`.
abstract contract DirectChallenges is SlotDisputes {
    using OrderHash for Order;
    using RollingHash for RollingHash.Chain;

    /// @dev Open challenges to a slot up to which its owner pays the bond of its own lane ...
    uint256 private constant OWNER_LANE = 16;
    /// @dev ... which doubles so many times at most.
    uint256 private constant OWNER_DOUBLINGS_MAX = 3;
    /// @dev Gas of a response after its cost is taken: the event and two payments.
    uint256 private constant RESPONSE_TAIL_GAS = 30_000;
    /// @dev What has to be left for it, also when the first coin ever is burnt. Wallets may estimate gas at a price of
    /// zero, at which there is nothing to pay out.
    uint256 private constant PAYMENT_GAS = 70_000;
    /// @dev Enough for any wallet to receive a bond, too little to make closing a challenge expensive.
    uint256 private constant RETURN_GAS = 50_000;

    /// @dev Challenges to a provider. The word is never cleared, which makes all but the first one cheaper.
    struct Challenges {
        /// Open ones that are not in an owner's lane.
        uint128 open;
        /// Opened so far.
        uint32 count;
    }

    mapping(bytes32 shardKey => bytes32 ticketHash) private _tickets;
    mapping(uint32 providerId => Challenges challenges) private _challenges;

    /// @inheritdoc IDisputes
    function challenge(
        Order calldata order,
        uint8 slot,
        uint32 stripe
    ) external payable nonReentrant returns (uint64 id) {
        bytes32 orderId = order.id();
        Tenure memory tenure = _challengeable(order, orderId, slot, stripe);
        bytes32 key = _shardKey(orderId, slot, stripe);
        if (_tickets[key] != 0) revert ChallengeAlreadyOpen(orderId, slot, stripe);
        (uint256 bond, bool ownerLane) = _bond(tenure, msg.sender == order.owner);
        if (msg.value != bond) revert BondWrong(msg.value, bond);

        id = _count(tenure.providerId, ownerLane);
        Ticket memory ticket = Ticket({
            id: id,
            orderId: orderId,
            slot: slot,
            stripe: stripe,
            providerId: tenure.providerId,
            since: tenure.since,
            until: tenure.until,
            challenger: msg.sender,
            bond: uint128(bond),
            deadline: _deadline(),
            deadlineBlock: _deadlineBlock(),
            draw: Draws.ofChallenge(id),
            ownerLane: ownerLane
        });
        bytes memory encoded = abi.encode(ticket);
        _tickets[key] = keccak256(encoded);
        if (tenure.until == 0) ++_open[orderId][slot].holder;
        else ++_open[orderId][slot].former;
        _events.log(ChallengeOpened.selector, _topic(id), _topic(tenure.providerId), _topic(msg.sender), encoded);
    }

    /// @inheritdoc IDisputes
    function respond(Ticket calldata ticket, ShardAnswer calldata answer) external nonReentrant {
        uint256 gasBefore = gasleft();
        _closeTicket(ticket, _endOf(ticket));
        _requireWindow(ticket.deadline, ticket.deadlineBlock);
        _checkAnswer(0, answer, ticket.draw, ticket.orderId, ticket.slot, ticket.stripe);
        uint256 used = CallCost.intrinsicGas() + RESPONSE_TAIL_GAS + gasBefore - gasleft();
        _requireGas(PAYMENT_GAS);
        uint256 reimbursed = CallCost.priceOf(used);
        if (reimbursed > ticket.bond) reimbursed = ticket.bond;
        _events.log(
            ChallengeAnswered.selector,
            _topic(ticket.id),
            _topic(ticket.providerId),
            _topic(msg.sender),
            abi.encode(uint128(reimbursed))
        );
        _burn(ticket.bond - reimbursed);
        if (!_send(msg.sender, reimbursed, gasleft())) revert TransferFailed(msg.sender, reimbursed);
    }

    /// @inheritdoc IDisputes
    function closeChallenge(Ticket calldata ticket, Order calldata order) external nonReentrant {
        bytes32 orderId = order.id();
        if (orderId != ticket.orderId) revert OrderUnknown(orderId);
        Tenure memory tenure = Tenure(orderId, ticket.slot, ticket.providerId, ticket.since, _endOf(ticket));
        bool evicted = tenure.until == 0;
        _closeTicket(ticket, tenure.until);
        _requireOver(ticket.deadline, ticket.deadlineBlock);
        if (evicted) {
            bytes32 reason;
            (reason, , tenure.until) = _repairs().evict(order, ticket.slot, ticket.stripe, ticket.providerId, 0);
            if (reason != 0) revert EvictionRefused(orderId, ticket.slot, reason);
            _noteEnd(tenure);
        }
        uint128 reward = 0;
        if (!_repairs().vacancyClosed(orderId, ticket.slot, tenure.until)) {
            reward = _slash(order, tenure, ticket.challenger);
        }
        _events.log(
            ChallengeUnanswered.selector,
            _topic(ticket.id),
            _topic(ticket.providerId),
            abi.encode(reward, evicted)
        );
        // Who cannot be paid must not keep a dispute open; but nobody may fail the payment by giving little gas.
        _requireGas(RETURN_GAS + PAYMENT_GAS);
        if (!_send(ticket.challenger, ticket.bond, RETURN_GAS)) _burn(ticket.bond);
    }

    /// @inheritdoc IDisputes
    function bondOf(Order calldata order, uint8 slot, address challenger) external view returns (uint256 bond) {
        (bond, ) = _bond(_challengeable(order, order.id(), slot, 0), challenger == order.owner);
    }

    /// @inheritdoc IDisputes
    function challengesOpen(bytes32 orderId, uint8 slot) public view returns (uint256) {
        OpenChallenges storage open = _open[orderId][slot];
        return uint256(open.holder) + open.former;
    }

    // ---------------------------------------------------------------------------------------------------- internal

    /// @dev Who has to answer for a slot: its holder, or who lost it last.
    function _challengeable(
        Order calldata order,
        bytes32 orderId,
        uint8 slotNumber,
        uint32 stripe
    ) private view returns (Tenure memory) {
        IStorageOrdersTypes.OrderState memory state = _orders().orderState(orderId);
        if (state.status == IStorageOrdersTypes.OrderStatus.None) revert OrderUnknown(orderId);
        if (slotNumber >= order.providers.length || stripe >= order.stripes) {
            revert ShardUnknown(orderId, slotNumber, stripe);
        }
        IRepairsTypes.Slot memory slot = _repairs().slotOf(order, slotNumber);
        if (!slot.vacant) {
            bool open = state.status == IStorageOrdersTypes.OrderStatus.Open && _epochNow() < state.endEpoch;
            if (!open) revert ChallengeTooLate(orderId, slotNumber);
            return Tenure(orderId, slotNumber, slot.holder, slot.since, 0);
        }
        if (_repairs().vacancyClosed(orderId, slotNumber, slot.until)) revert ChallengeTooLate(orderId, slotNumber);
        return Tenure(orderId, slotNumber, slot.former, slot.formerSince, slot.until);
    }

    /// @dev The owner's lane is capped, so that nobody can price an owner out; and it does not count for the bond of
    /// everybody else, so that a provider with an order of its own cannot price out others.
    function _bond(Tenure memory tenure, bool byOwner) private view returns (uint256 bond, bool ownerLane) {
        uint256 open = challengesOpen(tenure.orderId, tenure.slot);
        ownerLane = byOwner && open < OWNER_LANE;
        uint256 doublings = _challenges[tenure.providerId].open;
        if (ownerLane) doublings = open < OWNER_DOUBLINGS_MAX ? open : OWNER_DOUBLINGS_MAX;
        bond = CloneArguments.word(CloneArguments.CHALLENGE_BOND) << doublings;
    }

    /// @return id The provider, and the number of the challenge to it.
    function _count(uint32 providerId, bool ownerLane) private returns (uint64 id) {
        Challenges memory challenges = _challenges[providerId];
        ++challenges.count;
        if (!ownerLane) ++challenges.open;
        _challenges[providerId] = challenges;
        return (uint64(providerId) << 32) | challenges.count;
    }

    /// @dev End of the challenged tenure; 0 while it lasts.
    function _endOf(Ticket calldata ticket) private view returns (uint32) {
        if (ticket.until != 0) return ticket.until;
        return _endedAt[_tenureKey(ticket.orderId, ticket.slot, ticket.providerId, ticket.since)];
    }

    /// @param until End of the challenged tenure; 0 while it lasts.
    function _closeTicket(Ticket calldata ticket, uint32 until) private {
        bytes32 key = _shardKey(ticket.orderId, ticket.slot, ticket.stripe);
        if (_tickets[key] != keccak256(abi.encode(ticket))) {
            revert TicketUnknown(ticket.orderId, ticket.slot, ticket.stripe);
        }
        delete _tickets[key];
        if (until == 0) --_open[ticket.orderId][ticket.slot].holder;
        else --_open[ticket.orderId][ticket.slot].former;
        if (!ticket.ownerLane) --_challenges[ticket.providerId].open;
    }

    function _shardKey(bytes32 orderId, uint8 slot, uint32 stripe) private pure returns (bytes32) {
        return keccak256(abi.encode(orderId, slot, stripe));
    }

    function _requireGas(uint256 required) private view {
        uint256 left = gasleft();
        if (left < required) revert GasTooLow(left, required);
    }

    function _burn(uint256 amount) private {
        _send(address(0), amount, gasleft());
    }

    /// @dev Copies nothing of what the receiver returns, which could be expensive.
    function _send(address to, uint256 amount, uint256 gasLimit) private returns (bool sent) {
        if (amount == 0) return true;
        assembly ("memory-safe") {
            sent := call(gasLimit, to, amount, 0x00, 0x00, 0x00, 0x00)
        }
    }
}
