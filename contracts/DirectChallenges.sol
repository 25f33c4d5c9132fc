// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SlotDisputes} from "./SlotDisputes.sol";
import {IDisputes} from "./interfaces/IDisputes.sol";
import {IRepairsTypes} from "./interfaces/IRepairs.sol";
import {IStorageOrdersTypes, Order} from "./interfaces/IStorageOrders.sol";
import {CallCost} from "./libraries/CallCost.sol";
import {CloneArguments} from "./libraries/CloneArguments.sol";
import {DisputeHash} from "./libraries/DisputeHash.sol";
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
    /// @dev Gas of a response before its cost is counted from, and after it is taken: the event and two payments.
    uint256 private constant RESPONSE_TAIL_GAS = 28_000;
    /// @dev What has to be left for it, also when the first coin ever is burnt. Wallets may estimate gas at a price of
    /// zero, at which there is nothing to pay out.
    uint256 private constant PAYMENT_GAS = 70_000;
    /// @dev Enough for any wallet to receive a bond, too little to make closing a challenge expensive.
    uint256 private constant RETURN_GAS = 50_000;
    /// @dev Of a blob (EIP-4844).
    uint256 private constant GAS_PER_BLOB = 1 << 17;
    /// @dev A demand's bond covers a blob at so many times the price of its own block.
    uint256 private constant BLOB_BOND_FACTOR = 2;

    /// @dev Challenges to a provider. The word is never cleared, which makes all but the first one cheaper.
    struct Challenges {
        /// Open ones that are not in an owner's lane.
        uint96 open;
        /// All open ones.
        uint96 live;
        /// Opened so far.
        uint32 count;
    }

    mapping(bytes32 shardKey => bytes32 ticketHash) private _tickets;
    mapping(uint32 providerId => Challenges challenges) internal _challenges;
    mapping(address owner => mapping(address demander => bool approved) demanders) private _demanders;

    /// @inheritdoc IDisputes
    function challenge(Order calldata order, uint8 slot, uint32 stripe) external payable returns (uint64 id) {
        return _challenge(order, slot, stripe, false);
    }

    /// @inheritdoc IDisputes
    function demand(Order calldata order, uint8 slot, uint32 stripe) external payable returns (uint64 id) {
        if (!isDemander(order.owner, msg.sender)) revert NotDemander(msg.sender, order.owner);
        return _challenge(order, slot, stripe, true);
    }

    /// @inheritdoc IDisputes
    function approveDemander(address demander, bool approved) external {
        if (_demanders[msg.sender][demander] == approved) revert ApprovalUnchanged(demander, approved);
        _demanders[msg.sender][demander] = approved;
        _events.log(DemanderApproved.selector, _topic(msg.sender), _topic(demander), abi.encode(approved));
    }

    /// @inheritdoc IDisputes
    function respond(Ticket calldata ticket, ShardAnswer calldata answer) external nonReentrant {
        uint256 gasBefore = gasleft();
        _closeTicket(ticket, _endOf(ticket));
        _requireWindow(ticket.deadline, ticket.deadlineBlock);
        bytes32 hash = _checkAnswer(0, answer, ticket.draw, ticket.orderId, ticket.slot, ticket.stripe);
        if (ticket.asBlob) _requireBlob(hash);
        uint256 used = CallCost.intrinsicGas() + RESPONSE_TAIL_GAS + gasBefore - gasleft();
        _requireGas(PAYMENT_GAS);
        uint256 reimbursed = CallCost.priceOf(used) + (ticket.asBlob ? GAS_PER_BLOB * block.blobbasefee : 0);
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
            (reason, , tenure.until) = _repairs().evict(
                _opened(order, orderId, ticket.slot),
                ticket.providerId,
                0,
                _settlement().lastFinished()
            );
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
        if (_send(ticket.challenger, ticket.bond, RETURN_GAS)) return;
        _events.log(BondForfeited.selector, _topic(ticket.id), _topic(ticket.challenger), abi.encode(ticket.bond));
        _burn(ticket.bond);
    }

    /// @inheritdoc IDisputes
    function bondOf(Order calldata order, uint8 slot, address challenger) external view returns (uint256) {
        return _bondOf(order, slot, challenger, false);
    }

    /// @inheritdoc IDisputes
    function demandBondOf(Order calldata order, uint8 slot, address challenger) external view returns (uint256) {
        return _bondOf(order, slot, challenger, true);
    }

    /// @inheritdoc IDisputes
    function isDemander(address owner, address demander) public view returns (bool) {
        return demander == owner || _demanders[owner][demander];
    }

    /// @inheritdoc IDisputes
    function challengesOpen(bytes32 orderId, uint8 slot) public view returns (uint256) {
        OpenChallenges storage open = _open[orderId][slot];
        return uint256(open.holder) + open.former;
    }

    // ---------------------------------------------------------------------------------------------------- internal

    function _challenge(
        Order calldata order,
        uint8 slot,
        uint32 stripe,
        bool asBlob
    ) private nonReentrant returns (uint64 id) {
        Tenure memory tenure = _challengeable(order, order.id(), slot, stripe);
        bytes32 key = _shardKey(tenure.orderId, slot, stripe, asBlob);
        if (_tickets[key] != 0) revert ChallengeAlreadyOpen(tenure.orderId, slot, stripe);
        (uint256 bond, bool ownerLane) = _bond(tenure, msg.sender == order.owner, asBlob);
        // Nobody knows the price of a blob before its block: what is sent too much for one comes back.
        if (msg.value < bond || (msg.value > bond && !asBlob)) revert BondWrong(msg.value, bond);

        id = _count(tenure, ownerLane);
        bytes memory encoded = abi.encode(
            Ticket({
                id: id,
                orderId: tenure.orderId,
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
                ownerLane: ownerLane,
                asBlob: asBlob
            })
        );
        _tickets[key] = keccak256(encoded);
        _events.log(ChallengeOpened.selector, _topic(id), _topic(tenure.providerId), _topic(msg.sender), encoded);
        uint256 surplus = msg.value - bond;
        if (!_send(msg.sender, surplus, gasleft())) revert TransferFailed(msg.sender, surplus);
    }

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
        if (!state.changed && state.status == IStorageOrdersTypes.OrderStatus.Open && _epochNow() < state.endEpoch) {
            // No slot of the order ever changed hands: nobody has to be asked.
            return Tenure(orderId, slotNumber, order.providers[slotNumber], order.startEpoch, 0);
        }
        IRepairsTypes.Slot memory slot = _repairs().slotAt(_opened(order, orderId, slotNumber));
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
    function _bond(
        Tenure memory tenure,
        bool byOwner,
        bool asBlob
    ) private view returns (uint256 bond, bool ownerLane) {
        uint256 open = challengesOpen(tenure.orderId, tenure.slot);
        ownerLane = byOwner && open < OWNER_LANE;
        uint256 doublings = _challenges[tenure.providerId].open;
        if (ownerLane) doublings = open < OWNER_DOUBLINGS_MAX ? open : OWNER_DOUBLINGS_MAX;
        bond = CloneArguments.word(CloneArguments.CHALLENGE_BOND) << doublings;
        if (!asBlob) return (bond, ownerLane);
        if (CloneArguments.word(CloneArguments.BLOB_ANSWERS) == 0) revert BlobsUnavailable();
        bond += BLOB_BOND_FACTOR * GAS_PER_BLOB * block.blobbasefee;
    }

    function _bondOf(
        Order calldata order,
        uint8 slot,
        address challenger,
        bool asBlob
    ) private view returns (uint256 bond) {
        (bond, ) = _bond(_challengeable(order, order.id(), slot, 0), challenger == order.owner, asBlob);
    }

    /// @return id The provider, and the number of the challenge to it.
    function _count(Tenure memory tenure, bool ownerLane) private returns (uint64 id) {
        Challenges memory challenges = _challenges[tenure.providerId];
        ++challenges.count;
        ++challenges.live;
        if (!ownerLane) ++challenges.open;
        _challenges[tenure.providerId] = challenges;
        OpenChallenges memory open = _open[tenure.orderId][tenure.slot];
        if (tenure.until == 0) ++open.holder;
        else ++open.former;
        open.used = true;
        _open[tenure.orderId][tenure.slot] = open;
        return (uint64(tenure.providerId) << 32) | challenges.count;
    }

    /// @dev End of the challenged tenure; 0 while it lasts.
    function _endOf(Ticket calldata ticket) private view returns (uint32) {
        if (ticket.until != 0) return ticket.until;
        return _endedAt[_tenureKey(ticket.orderId, ticket.slot, ticket.providerId, ticket.since)];
    }

    /// @param until End of the challenged tenure; 0 while it lasts.
    function _closeTicket(Ticket calldata ticket, uint32 until) private {
        bytes32 key = _shardKey(ticket.orderId, ticket.slot, ticket.stripe, ticket.asBlob);
        if (_tickets[key] != DisputeHash.ofTicket(ticket)) {
            revert TicketUnknown(ticket.orderId, ticket.slot, ticket.stripe);
        }
        delete _tickets[key];
        if (until == 0) --_open[ticket.orderId][ticket.slot].holder;
        else --_open[ticket.orderId][ticket.slot].former;
        Challenges memory challenges = _challenges[ticket.providerId];
        --challenges.live;
        if (!ticket.ownerLane) --challenges.open;
        _challenges[ticket.providerId] = challenges;
    }

    /// @dev A demand has a place of its own, which no plain challenge can occupy.
    function _shardKey(bytes32 orderId, uint8 slot, uint32 stripe, bool asBlob) private pure returns (bytes32) {
        return keccak256(abi.encode(orderId, slot, stripe, asBlob));
    }

    /// @dev A transaction has few blobs; what is behind them is 0.
    function _requireBlob(bytes32 versionedHash) private view {
        uint256 index = 0;
        bytes32 found = blobhash(index);
        while (found != versionedHash && found != 0) found = blobhash(++index);
        if (found == 0) revert BlobMissing(versionedHash);
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
