// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputesErrors, IDisputesTypes} from "../../contracts/interfaces/IDisputes.sol";
import {Order} from "../../contracts/interfaces/IStorageOrders.sol";
import {DisputeHandler} from "./utils/DisputeHandler.sol";
import {VmTest} from "./utils/Vm.sol";
import {ZeroShards} from "./utils/ZeroShards.sol";

/// @notice What a demanded blob costs, at any price of blobs.
contract DemandsTest is VmTest {
    uint256 private constant BOND = 1e15;
    uint256 private constant GAS_PER_BLOB = 131_072;
    address private constant RESPONDER = address(0xbeef);

    DisputeHandler private handler;
    Order private order;

    function setUp() public {
        handler = new DisputeHandler();
        handler.open(0, 20, 1, 0, 1);
        order = handler.orderAt(0);
    }

    /// The bond holds twice the price of the demand's block; what is sent too much comes back at once.
    function testFuzz_demand_bondCoversABlobTwice(uint64 blobPrice, uint64 surplus) public {
        uint256 price = bound(blobPrice, 1, 1e13);
        vm.blobBaseFee(price);
        uint256 bond = BOND + 2 * GAS_PER_BLOB * price;
        assertEq(handler.disputes().demandBondOf(order, 0, address(handler)), bond, "bond");
        IDisputesTypes.Ticket memory ticket = _demand(bond + surplus);
        assertEq(ticket.bond, bond, "ticket");
        assertTrue(ticket.asBlob, "as blob");
        assertEq(address(handler.disputes()).balance, bond, "held");
        assertEq(address(handler).balance, surplus, "surplus");
    }

    function testFuzz_demand_lessThanTheBondIsRefused(uint64 blobPrice) public {
        uint256 price = bound(blobPrice, 1, 1e13);
        vm.blobBaseFee(price);
        uint256 bond = BOND + 2 * GAS_PER_BLOB * price;
        vm.deal(address(handler), bond);
        vm.prank(address(handler));
        try handler.disputes().demand{value: bond - 1}(order, 0, 0) {
            assertTrue(false, "accepted");
        } catch (bytes memory reason) {
            assertEq(bytes32(bytes4(reason)), bytes32(IDisputesErrors.BondWrong.selector), "error");
        }
    }

    /// Who answers has its blob paid at the price of its own block, up to the bond; the rest is burnt.
    function testFuzz_respond_blobIsPaidWithinTheBond(uint64 atDemand, uint64 atAnswer) public {
        uint256 price = bound(atAnswer, 1, 1e13);
        vm.blobBaseFee(bound(atDemand, 1, 1e13));
        IDisputesTypes.Ticket memory ticket = _demand(1 ether * 10);
        IDisputesTypes.ShardAnswer memory answer = ZeroShards.answer(order, 0, 0);
        vm.blobBaseFee(price);
        // Gas is free here, so that only the blob is paid.
        vm.fee(0);
        vm.txGasPrice(0);
        vm.blobhashes(_hashes());
        uint256 burnt = address(0).balance;
        vm.prank(RESPONDER);
        handler.disputes().respond(ticket, answer);
        uint256 cost = GAS_PER_BLOB * price;
        uint256 paid = cost < ticket.bond ? cost : ticket.bond;
        assertEq(RESPONDER.balance, paid, "paid");
        assertEq(address(0).balance - burnt, ticket.bond - paid, "burnt");
        assertEq(address(handler.disputes()).balance, 0, "left");
    }

    function _demand(uint256 value) private returns (IDisputesTypes.Ticket memory ticket) {
        vm.deal(address(handler), value);
        vm.recordLogs();
        vm.prank(address(handler));
        handler.disputes().demand{value: value}(order, 0, 0);
        return abi.decode(vm.getRecordedLogs()[0].data, (IDisputesTypes.Ticket));
    }

    /// The shard is not the first blob of the transaction.
    function _hashes() private pure returns (bytes32[] memory hashes) {
        hashes = new bytes32[](2);
        hashes[0] = keccak256("another blob");
        hashes[1] = (sha256(ZeroShards.infinity()) & ~bytes32(bytes1(0xff))) | bytes32(bytes1(0x01));
    }
}
