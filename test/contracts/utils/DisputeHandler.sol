// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IChallengeSettlementTypes} from "../../../contracts/interfaces/IChallengeSettlement.sol";
import {IDisputesTypes} from "../../../contracts/interfaces/IDisputes.sol";
import {IRepairsTypes} from "../../../contracts/interfaces/IRepairs.sol";
import {IStorageOrdersTypes, Order} from "../../../contracts/interfaces/IStorageOrders.sol";
import {GroupHandler} from "./GroupHandler.sol";
import {ZeroShards} from "./ZeroShards.sol";

/// @notice Plays what goes wrong in a group, at random. Provider `HONEST` has its bytes, answers every challenge and
/// appeals every record at once, and never leaves; the others do what comes.
contract DisputeHandler is GroupHandler, IDisputesTypes {
    uint32 public constant HONEST = 1;
    uint8 private constant LOST = 2;
    uint8 private constant OFFER = 3;

    /// A slot that a certificate speaks of.
    struct Plan {
        bool given;
        uint32 provider;
        uint256 index;
        uint8 slot;
        uint32 stripe;
        uint32 deadline;
    }

    struct Record {
        uint32 provider;
        uint32 epoch;
        uint256 index;
        KeptEntry entry;
    }

    /// A holder's time with a slot that is over.
    struct Vacancy {
        uint256 index;
        uint8 slot;
        uint32 until;
        uint32 former;
    }

    Plan private _nextLost;
    Plan private _nextOffer;
    mapping(uint32 epoch => Plan plan) private _lost;
    mapping(uint32 epoch => Plan plan) private _offers;
    Record[] private _records;
    Ticket[] private _tickets;
    Vacancy[] private _vacancies;
    mapping(bytes32 key => bool seen) private _seen;
    uint256 public openBonds;

    receive() external payable {}

    // ----------------------------------------------------------------------------------------------------- actions

    /// The next certificate says that a slot is lost, whoever holds it.
    function accuse(uint8 index, uint8 slot, uint8 stripe) external watched {
        if (_orders.length == 0) return;
        (uint256 at, uint8 place) = _place(index, slot);
        uint32 holder = repairs.slotOf(_orders[at], place).holder;
        _nextLost = Plan(true, holder == 0 ? HONEST : holder, at, place, stripe % _orders[at].stripes, 0);
    }

    /// The next certificate offers a slot to somebody.
    function propose(uint8 index, uint8 slot, uint8 assignee, uint8 length) external watched {
        if (_orders.length == 0) return;
        (uint256 at, uint8 place) = _vacantPlace(index, slot);
        _nextOffer = Plan(true, 1 + (assignee % PROVIDERS), at, place, 0, length % 5);
    }

    function applyExceptions() public override watched {
        if (settlement.pendingCount() == 0) return;
        uint32 epoch = settlement.pendingAt(0).epoch;
        vm.roll(block.number + 2);
        Plan memory lost = _lost[epoch];
        if (lost.given) _settle(lost.index);
        IChallengeSettlementTypes.ExceptionLeaf[] memory leaves = _leavesOf(epoch);
        settlement.applyExceptions(epoch, leaves, _padsOf(leaves.length), _detailsOf(epoch));
        if (_offers[epoch].given) _noteOffer(_offers[epoch]);
        if (lost.given) _noteRecord(epoch, lost);
        _noteProgress();
    }

    function accept(uint8 index, uint8 slot) external watched {
        if (_orders.length == 0) return;
        (uint256 at, uint8 place) = _vacantPlace(index, slot);
        _settle(at);
        uint32 assignee = repairs.slotOf(_orders[at], place).assignee;
        vm.prank(vm.addr(PROVIDER_KEY + assignee));
        try repairs.acceptRepair(_orders[at], place) {
            ++happened["acceptance"];
            _noteVacancy(at, place);
        } catch {}
    }

    function exit(uint8 provider, bool exiting) external watched {
        uint32 id = 2 + (provider % (PROVIDERS - 1));
        vm.prank(vm.addr(PROVIDER_KEY + id));
        try staking.setExiting(id, exiting) {
            ++happened["exit"];
        } catch {}
    }

    function void(uint8 index, uint8 slot) external watched {
        if (_orders.length == 0) return;
        (uint256 at, uint8 place) = _place(index, slot);
        try repairs.voidSlot(_orders[at], place) {
            ++happened["void"];
        } catch {}
    }

    function claimBonus(uint8 which, uint32 epoch) external watched {
        if (_vacancies.length == 0) return;
        Vacancy memory vacancy = _vacancies[which % _vacancies.length];
        uint32 finished = settlement.lastFinished();
        try
            repairs.claimBonus(_orders[vacancy.index], vacancy.slot, vacancy.until, finished - (epoch % (finished + 1)))
        {
            ++happened["bonus"];
        } catch {}
    }

    function appeal(uint8 which) external watched {
        if (_records.length != 0) _appeal(which % _records.length);
    }

    function closeRecord(uint8 which, bool wait) external watched {
        if (_records.length == 0) return;
        if (wait) _passWindow();
        Record memory record = _records[which % _records.length];
        Order[] memory its = new Order[](1);
        its[0] = _orders[record.index];
        try disputes.closeRecord(record.provider, record.epoch, 0, _entries(record), its) {
            ++happened["closed record"];
        } catch {}
    }

    function challenge(uint8 index, uint8 slot, uint8 stripe) external watched {
        if (_orders.length == 0) return;
        (uint256 at, uint8 place) = _place(index, slot);
        Order memory order = _orders[at];
        // The handler owns every order: challenges come in the owner's lane up to its cap.
        try disputes.bondOf(order, place, address(this)) returns (uint256 bond) {
            if (bond > 1 ether) return;
            vm.deal(address(this), bond);
            vm.recordLogs();
            try disputes.challenge{value: bond}(order, place, stripe % order.stripes) {
                _noteTicket(at);
            } catch {}
        } catch {}
    }

    function respond(uint8 which) external watched {
        if (_tickets.length != 0) _respond(which % _tickets.length);
    }

    function closeChallenge(uint8 which, bool wait) external watched {
        if (_tickets.length == 0) return;
        if (wait) _passWindow();
        Ticket memory ticket = _tickets[which % _tickets.length];
        uint256 at = _indexOf(ticket.orderId);
        _settle(at);
        try disputes.closeChallenge(ticket, _orders[at]) {
            openBonds -= ticket.bond;
            ++happened["unanswered challenge"];
            _noteVacancy(at, ticket.slot);
        } catch {}
    }

    // ------------------------------------------------------------------------------------------------------- views

    function vacancyCount() external view returns (uint256) {
        return _vacancies.length;
    }

    function vacancyAt(uint256 index) external view returns (Vacancy memory) {
        return _vacancies[index];
    }

    // ---------------------------------------------------------------------------------------------------- internal

    function _plan(uint32 epoch) internal override {
        (_lost[epoch], _offers[epoch]) = (_nextLost, _nextOffer);
        _offers[epoch].deadline += epoch + 1;
        delete _nextLost;
        delete _nextOffer;
    }

    function _leavesOf(
        uint32 epoch
    ) internal view override returns (IChallengeSettlementTypes.ExceptionLeaf[] memory leaves) {
        IChallengeSettlementTypes.ExceptionLeaf[] memory missed = _leaves(_missing[epoch]);
        (Plan memory lost, Plan memory offer) = (_lost[epoch], _offers[epoch]);
        leaves = new IChallengeSettlementTypes.ExceptionLeaf[](
            missed.length + (lost.given ? 1 : 0) + (offer.given ? 1 : 0)
        );
        uint256 used = 0;
        while (used < missed.length) {
            leaves[used] = missed[used];
            ++used;
        }
        if (lost.given) {
            bytes32 data = keccak256(abi.encode(uint32(0), _entriesOf(lost)));
            leaves[used++] = IChallengeSettlementTypes.ExceptionLeaf(LOST, lost.provider, data);
        }
        if (offer.given) {
            bytes32 data = keccak256(abi.encode(_idAt(offer.index), offer.slot, offer.deadline));
            leaves[used] = IChallengeSettlementTypes.ExceptionLeaf(OFFER, offer.provider, data);
        }
    }

    function _detailsOf(uint32 epoch) private view returns (bytes[] memory details) {
        (Plan memory lost, Plan memory offer) = (_lost[epoch], _offers[epoch]);
        details = new bytes[]((lost.given ? 1 : 0) + (offer.given ? 1 : 0));
        if (lost.given) {
            Order[] memory its = new Order[](1);
            its[0] = _orders[lost.index];
            details[0] = abi.encode(LostDetail(0, _entriesOf(lost), its));
        }
        if (offer.given) {
            details[details.length - 1] = abi.encode(
                IRepairsTypes.OfferDetail(_orders[offer.index], offer.slot, offer.deadline)
            );
        }
    }

    function _entriesOf(Plan memory lost) private view returns (LostEntry[] memory entries) {
        entries = new LostEntry[](1);
        entries[0] = LostEntry(_idAt(lost.index), lost.slot, lost.stripe);
    }

    function _entries(Record memory record) private pure returns (KeptEntry[] memory entries) {
        entries = new KeptEntry[](1);
        entries[0] = record.entry;
    }

    function _noteRecord(uint32 epoch, Plan memory lost) private {
        if (disputes.lostRecord(lost.provider, epoch, 0).status == RecordStatus.None) return;
        ++happened["eviction"];
        IRepairsTypes.Slot memory slot = repairs.slotOf(_orders[lost.index], lost.slot);
        KeptEntry memory entry = KeptEntry({
            orderId: _idAt(lost.index),
            slot: lost.slot,
            stripe: lost.stripe,
            since: slot.formerSince,
            until: slot.until,
            stripes: _orders[lost.index].stripes
        });
        _records.push(Record(lost.provider, epoch, lost.index, entry));
        _noteVacancy(lost.index, lost.slot);
        if (lost.provider == HONEST) _appeal(_records.length - 1);
    }

    function _noteOffer(Plan memory offer) private {
        if (repairs.slotOf(_orders[offer.index], offer.slot).assignee == offer.provider) ++happened["offer"];
    }

    function _noteTicket(uint256 at) private {
        bytes memory data = vm.getRecordedLogs()[0].data;
        Ticket memory ticket = abi.decode(data, (Ticket));
        _tickets.push(ticket);
        openBonds += ticket.bond;
        ++happened["challenge"];
        if (ticket.providerId == HONEST && _indexOf(ticket.orderId) == at) _respond(_tickets.length - 1);
    }

    function _noteVacancy(uint256 at, uint8 place) private {
        IRepairsTypes.Slot memory slot = repairs.slotOf(_orders[at], place);
        _noteSlot(at, place, slot);
        bytes32 key = keccak256(abi.encode(at, place, slot.until));
        if (slot.until == 0 || _seen[key]) return;
        _seen[key] = true;
        _vacancies.push(Vacancy(at, place, slot.until, slot.former));
    }

    function _appeal(uint256 which) private {
        Record memory record = _records[which];
        DrawnShard[] memory drawn = disputes.drawnShards(record.provider, record.epoch, 0, _entries(record));
        ShardAnswer[] memory answers = new ShardAnswer[](drawn.length);
        for (uint256 i = 0; i < drawn.length; ++i) {
            answers[i] = ZeroShards.answer(_orders[record.index], record.entry.slot, drawn[i].stripe);
        }
        vm.prank(vm.addr(PROVIDER_KEY + record.provider));
        try disputes.appeal(record.provider, record.epoch, 0, _entries(record), answers) {
            ++happened["appeal"];
        } catch {}
    }

    function _respond(uint256 which) private {
        Ticket memory ticket = _tickets[which];
        Order memory order = _orders[_indexOf(ticket.orderId)];
        try disputes.respond(ticket, ZeroShards.answer(order, ticket.slot, ticket.stripe)) {
            openBonds -= ticket.bond;
            ++happened["answer"];
        } catch {}
    }

    /// One interval of a slot is settled before the next change.
    function _settle(uint256 at) private {
        if (orders.orderState(_idAt(at)).status != IStorageOrdersTypes.OrderStatus.Open) return;
        _settleTo(at, type(uint32).max);
    }

    function _passWindow() private {
        vm.warp(block.timestamp + 121);
        vm.roll(block.number + 13);
    }

    function _place(uint8 index, uint8 slot) private view returns (uint256 at, uint8 place) {
        at = index % _orders.length;
        place = uint8(slot % _orders[at].providers.length);
    }

    /// A slot without a holder, if an order from that index on has one.
    function _vacantPlace(uint8 index, uint8 slot) private view returns (uint256 at, uint8 place) {
        for (uint256 i = 0; i < _orders.length; ++i) {
            at = (index + i) % _orders.length;
            IStorageOrdersTypes.OrderState memory state = orders.orderState(_idAt(at));
            if (state.status != IStorageOrdersTypes.OrderStatus.Open || state.evicted == 0) continue;
            uint32[] memory holders = repairs.holdersOf(_orders[at]);
            for (place = 0; place < holders.length; ++place) if (holders[place] == 0) return (at, place);
        }
        return _place(index, slot);
    }

    function _idAt(uint256 index) private view returns (bytes32) {
        return orders.orderIdOf(_orders[index]);
    }

    function _indexOf(bytes32 orderId) private view returns (uint256 index) {
        while (_idAt(index) != orderId) ++index;
    }
}
