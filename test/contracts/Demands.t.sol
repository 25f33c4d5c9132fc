// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Disputes} from "../../contracts/Disputes.sol";
import {IDisputesErrors, IDisputesTypes} from "../../contracts/interfaces/IDisputes.sol";
import {Order} from "../../contracts/interfaces/IStorageOrders.sol";
import {DisputeHandler} from "./utils/DisputeHandler.sol";
import {VmTest} from "./utils/Vm.sol";

/// @notice What a demanded blob costs, at any price of blobs.
contract DemandsTest is VmTest {
    uint256 private constant BOND = 1e15;
    uint256 private constant GAS_PER_BLOB = 131_072;
    uint256 private constant EXCESS_MAX = 150_000_000;

    DisputeHandler private handler;
    Disputes private disputes;
    Order private order;

    function setUp() public {
        handler = new DisputeHandler();
        disputes = handler.disputes();
        handler.open(0, 20, 1, 0, 1);
        order = handler.orderAt(0);
    }

    /// The bond holds twice the price of the demand's block; what is sent too much comes back at once.
    function testFuzz_demand_bondCoversABlobTwice(uint64 excess, uint64 surplus) public {
        uint256 price = _setPrice(excess);
        uint256 bond = BOND + 2 * GAS_PER_BLOB * price;
        assertEq(disputes.demandBondOf(order, 0, address(handler)), bond, "bond");
        IDisputesTypes.Ticket memory ticket = _demand(bond + surplus);
        assertEq(ticket.bond, bond, "ticket");
        assertTrue(ticket.asBlob, "as blob");
        assertEq(address(disputes).balance, bond, "held");
        assertEq(address(handler).balance, surplus, "surplus");
    }

    function testFuzz_demand_lessThanTheBondIsRefused(uint64 excess) public {
        uint256 price = _setPrice(excess);
        uint256 bond = BOND + 2 * GAS_PER_BLOB * price;
        vm.deal(address(handler), bond);
        vm.prank(address(handler));
        try disputes.demand{value: bond - 1}(order, 0, 0) {
            assertTrue(false, "accepted");
        } catch (bytes memory reason) {
            assertEq(bytes32(bytes4(reason)), bytes32(IDisputesErrors.BondWrong.selector), "error");
        }
    }

    /// @notice Asked from outside, since a contract may take its block for one.
    function blobPrice() external view returns (uint256) {
        return block.blobbasefee;
    }

    /// From 1 wei to 10^13: prices rise exponentially with what the blocks before had too much.
    function _setPrice(uint64 seed) private returns (uint256) {
        vm.blobBaseFee(bound(seed, 0, EXCESS_MAX));
        return this.blobPrice();
    }

    function _demand(uint256 value) private returns (IDisputesTypes.Ticket memory ticket) {
        vm.deal(address(handler), value);
        vm.recordLogs();
        vm.prank(address(handler));
        disputes.demand{value: value}(order, 0, 0);
        return abi.decode(vm.getRecordedLogs()[0].data, (IDisputesTypes.Ticket));
    }
}
