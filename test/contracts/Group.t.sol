// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {StorageOrders} from "../../contracts/StorageOrders.sol";
import {IRepairsTypes} from "../../contracts/interfaces/IRepairs.sol";
import {IStakingTypes} from "../../contracts/interfaces/IStaking.sol";
import {IStorageOrdersTypes, Order} from "../../contracts/interfaces/IStorageOrders.sol";
import {AllowanceHandler} from "./utils/AllowanceHandler.sol";
import {DisputeHandler} from "./utils/DisputeHandler.sol";
import {VmTest} from "./utils/Vm.sol";

/// @notice What holds after any sequence of calls.
contract GroupInvariantTest is VmTest {
    AllowanceHandler private handler;

    function setUp() public {
        handler = new AllowanceHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// Balances, escrows, credits, unclaimed pools and what waits for repairers are exactly the tokens that StorageOrders holds.
    function invariant_everyTokenOfOrdersIsOwedToSomebody() public {
        (address payer, StorageOrders orders) = (handler.payer(), handler.orders());
        // Nothing announced: then the balance is all there is.
        vm.prank(payer);
        orders.requestWithdrawal(0);
        uint256 owed = orders.balanceOf(payer);
        for (uint256 i = 0; i < handler.orderCount(); ++i) owed += _state(i).escrow;
        owed += orders.balanceOf(handler.frugal()) + orders.balanceOf(address(handler)) + _pots();
        for (uint32 id = 1; id <= handler.PROVIDERS(); ++id) owed += orders.credit(id);
        uint32 lastTerm = handler.settlement().epochNow() / 6;
        for (uint32 term = 0; term <= lastTerm; ++term) {
            IStorageOrdersTypes.Pool memory pool = orders.pool(term);
            owed += uint256(pool.keepers) + pool.treasury - orders.treasuryClaimed(term);
            for (uint32 id = 1; id <= handler.KEEPERS(); ++id) owed -= orders.claimed(term, id);
        }
        assertEq(handler.token().balanceOf(address(orders)), owed, "orders");
    }

    /// Stake and what is on its way out are exactly the tokens that Staking holds; collateral is backed by stake.
    function invariant_stakeIsThereAndCoversCollateral() public view {
        uint256 owed = 0;
        for (uint32 id = 1; id <= handler.PROVIDERS(); ++id) {
            IStakingTypes.Provider memory provider = handler.staking().provider(id);
            assertTrue(provider.locked <= provider.stake, "locked");
            assertEq(provider.locked, _collateralOf(id), "collateral");
            owed += uint256(provider.stake) + provider.unbonding;
        }
        for (uint32 id = 1; id <= handler.KEEPERS(); ++id) {
            IStakingTypes.Keeper memory keeper = handler.staking().keeper(id);
            owed += uint256(keeper.stake) + keeper.unbonding;
        }
        assertEq(handler.token().balanceOf(address(handler.staking())), owed, "stake");
    }

    /// Whoever has its bytes, answers and appeals keeps its stake, whatever is certified, challenged or repaired.
    function invariant_nobodyHonestIsSlashed() public view {
        uint32 honest = handler.HONEST();
        IStakingTypes.Provider memory provider = handler.staking().provider(honest);
        assertEq(uint256(provider.stake) + provider.unbonding, handler.putIn(honest), "honest");
    }

    /// Every holder of a slot got the pay of the epochs that it passed while it held it: none twice, none that it missed,
    /// none that is dead. The handler counts epoch by epoch what the contracts count by bitmaps and checkpoints.
    function invariant_everySlotIsPaidForWhatItsHolderPassed() public view {
        for (uint256 i = 0; i < handler.orderCount(); ++i) {
            uint256 sum = 0;
            for (uint32 id = 1; id <= handler.PROVIDERS(); ++id) {
                uint256 paid = handler.paid(i, id);
                assertEq(paid, handler.earnedBy(i, id), "paid");
                sum += paid;
            }
            assertTrue(sum <= handler.orders().cost(handler.orderAt(i)).providers, "priced");
        }
    }

    /// Whoever may certify has a stake to lose, seat or no seat, on its way out or not; who was slashed may not.
    function invariant_whoMayCertifyHasStakeToLose() public view {
        uint32 term = handler.settlement().epochNow() / 6;
        uint32 masked = handler.settlement().masked(term);
        uint32[] memory members = handler.settlement().rosterKeepers(term);
        for (uint256 i = 0; i < members.length; ++i) {
            if ((masked >> i) & 1 == 1) continue;
            IStakingTypes.Keeper memory keeper = handler.staking().keeper(members[i]);
            assertTrue(uint256(keeper.stake) + keeper.unbonding >= 1e18, "keeper");
        }
    }

    /// Tokens are neither made nor lost, and Disputes holds the bonds of open challenges and nothing else.
    function invariant_supplyAndBondsAreConserved() public view {
        address[7] memory holders = [
            address(handler),
            address(handler.orders()),
            address(handler.staking()),
            handler.payer(),
            address(0x7ea5),
            0x000000000000000000000000000000000000dEaD,
            address(0xbad)
        ];
        uint256 held = 0;
        for (uint256 i = 0; i < holders.length; ++i) held += handler.token().balanceOf(holders[i]);
        assertEq(held, handler.token().totalSupply(), "supply");
        assertEq(address(handler.disputes()).balance, handler.openBonds(), "bonds");
    }

    /// No order is settled beyond its end or what is finished, and a closed one holds nothing.
    function invariant_ordersStayWithinTheirBounds() public view {
        uint32 finished = handler.settlement().lastFinished();
        assertTrue(finished <= handler.settlement().lastCertified(), "finished");
        for (uint256 i = 0; i < handler.orderCount(); ++i) {
            Order memory order = handler.orderAt(i);
            IStorageOrdersTypes.OrderState memory state = _state(i);
            assertTrue(state.settledTo <= state.endEpoch && state.endEpoch <= order.endEpoch, "end");
            assertTrue(state.settledTo == order.startEpoch || state.settledTo <= finished + 1, "settled");
            bool open = state.status == IStorageOrdersTypes.OrderStatus.Open;
            assertTrue(open || (state.escrow == 0 && state.settledTo == state.endEpoch), "closed");
        }
    }

    /// The handler reaches settlement: a run in which nothing ever happens would prove nothing.
    function test_handler_opensAndSettles() public {
        handler.open(3, 4, 0, 1000, 2);
        handler.certify(4, 3, 1, false);
        handler.applyExceptions();
        handler.settle(0, 0);
        assertEq(handler.happened("settled page"), 1, "pages");
        assertTrue(handler.orders().credit(3) > 0, "credit");
    }

    /// The handler reaches disputes, on both sides, and repairs.
    function test_handler_losesAppealsSlashesAndRepairs() public {
        handler.open(3, 30, 0, 1000, 2);
        handler.certify(4, 0, 1, false);
        handler.accuse(0, 0, 1);
        handler.propose(0, 0, 2, 3);
        handler.certify(1, 0, 1, false);
        handler.applyExceptions();
        assertEq(handler.happened("eviction"), 1, "evictions");
        handler.accept(0, 0);
        handler.closeRecord(0, true);
        handler.challenge(0, 1, 1);
        handler.closeChallenge(0, true);
        assertEq(handler.happened("closed record") + handler.happened("unanswered challenge"), 2, "slashings");
        assertEq(handler.happened("acceptance") + handler.happened("appeal"), 1, "repairs");
        invariant_everyTokenOfOrdersIsOwedToSomebody();
        invariant_stakeIsThereAndCoversCollateral();
        invariant_nobodyHonestIsSlashed();
        invariant_supplyAndBondsAreConserved();
    }

    function _state(uint256 index) private view returns (IStorageOrdersTypes.OrderState memory) {
        return handler.orders().orderState(_idAt(index));
    }

    /// What is there for repairers.
    function _pots() private view returns (uint256 pots) {
        for (uint256 i = 0; i < handler.vacancyCount(); ++i) {
            DisputeHandler.Vacancy memory vacancy = handler.vacancyAt(i);
            IRepairsTypes.Bonus memory bonus = handler.repairs().bonusOf(
                _idAt(vacancy.index),
                vacancy.slot,
                vacancy.until
            );
            pots += uint256(bonus.pot) + bonus.reserved;
        }
    }

    /// Collateral of the slots that the provider holds, or has lost and still answers for.
    function _collateralOf(uint32 providerId) private view returns (uint256 locked) {
        for (uint256 i = 0; i < handler.orderCount(); ++i) {
            if (_state(i).status == IStorageOrdersTypes.OrderStatus.Released) continue;
            Order memory order = handler.orderAt(i);
            uint32[] memory holders = handler.repairs().holdersOf(order);
            for (uint256 slot = 0; slot < holders.length; ++slot) {
                if (holders[slot] == providerId) locked += uint256(handler.COLLATERAL()) * order.stripes;
            }
        }
        for (uint256 i = 0; i < handler.vacancyCount(); ++i) {
            DisputeHandler.Vacancy memory vacancy = handler.vacancyAt(i);
            bool closed = handler.repairs().bonusOf(_idAt(vacancy.index), vacancy.slot, vacancy.until).closed;
            if (closed || vacancy.former != providerId) continue;
            locked += uint256(handler.COLLATERAL()) * handler.orderAt(vacancy.index).stripes;
        }
    }

    function _idAt(uint256 index) private view returns (bytes32) {
        return handler.orders().orderIdOf(handler.orderAt(index));
    }
}
