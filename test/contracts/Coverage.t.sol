// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AllowanceHandler} from "./utils/AllowanceHandler.sol";
import {VmTest} from "./utils/Vm.sol";

/// @notice The invariants would prove nothing if the handler never got anywhere: a long walk of it does everything that
/// it can do.
contract CoverageTest is VmTest {
    uint256 private constant ROUNDS = 24;

    AllowanceHandler private handler;
    uint256 private seed;

    function setUp() public {
        handler = new AllowanceHandler();
    }

    function test_handler_reachesEverything() public {
        for (uint256 i = 0; i < ROUNDS; ++i) _round(i);
        bytes32[31] memory all = [
            bytes32("order"),
            "certificate",
            "gap",
            "lapse",
            "roster",
            "seat",
            "equivocation",
            "settled page",
            "early end",
            "closed order",
            "release",
            "credit withdrawn",
            "keeper fee",
            "treasury withdrawn",
            "withdrawal",
            "unbonding",
            "stake withdrawn",
            "eviction",
            "appeal",
            "closed record",
            "challenge",
            "answer",
            "unanswered challenge",
            "offer",
            "acceptance",
            "bonus",
            "void",
            "agent",
            "order by agent",
            "voucher",
            "renewal"
        ];
        bytes memory never;
        for (uint256 i = 0; i < all.length; ++i) {
            if (handler.happened(all[i]) == 0) never = abi.encodePacked(never, all[i], "; ");
        }
        assertTrue(never.length == 0, string(abi.encodePacked("never: ", never)));
    }

    /// A few epochs in which most of it is tried once.
    function _round(uint256 round) private {
        uint256 r = _next();
        (uint8 a, uint8 b, uint8 c) = (uint8(r >> 8), uint8(r >> 16), uint8(r >> 24));
        handler.open(r, a, b, uint64(r >> 32), c);
        handler.open(_next(), 30, b % 4, uint64(r >> 40), 3);
        _allow(r, round);
        handler.certify(round % 4 == 0 ? 6 : 1, b, c, false);
        handler.applyExceptions();
        handler.certify(1, 0, c, false);
        handler.accuse(a, b, c);
        handler.certify(1, 0, c, false);
        handler.applyExceptions();
        handler.propose(a, b, c, uint8(r >> 40));
        handler.certify(1, a, c, false);
        if (round % 6 == 5) handler.lapse(true);
        handler.applyExceptions();
        if (round % 3 != 0) handler.accept(a, b);
        handler.challenge(b, a, c);
        handler.challenge(a, a, 0);
        if (round % 2 == 0) handler.respond(a);
        handler.settle(a, uint32(b));
        handler.settle(b, 0);
        handler.certify(1, 0, c, false);
        _disputes(round, a, b, c);
        _stake(_next(), round);
        _money(_next(), round);
    }

    function _disputes(uint256 round, uint8 a, uint8 b, uint8 c) private {
        handler.appeal(a);
        if (round % 3 == 1) handler.closeChallenge(a, true);
        handler.closeRecord(b, round % 3 == 1);
        for (uint8 i = 0; i < 4; ++i) handler.claimBonus(a + i, i);
        handler.void(a, b);
        handler.exit(c, b % 2 == 0);
        handler.end(a);
        handler.release(uint8(round));
        if (round == 8) handler.equivocate(0);
    }

    function _stake(uint256 r, uint256 round) private {
        (uint8 id, uint96 amount) = (uint8(r >> 16), uint96(r >> 24) % 3e18);
        handler.unbond(0, id, amount);
        // A keeper gives up its stake and seat, comes back with more, and the next roster has it again.
        if (round % 8 == 1) handler.unbond(1, 1, 0);
        if (round % 8 == 2) handler.addStake(1, 1, 1 << 62);
        handler.takeSeat(1);
        handler.addStake(0, id, uint64(amount));
        if (round % 8 == 7) handler.withdrawStake(uint8(round / 8), id, true);
        handler.rotate(round % 4 == 3);
    }

    function _money(uint256 r, uint256 round) private {
        handler.deposit(uint96(r >> 8));
        if (round % 4 == 0) handler.requestWithdrawal(uint96(r >> 8) % 1e18);
        handler.withdraw();
        handler.withdrawCredit(uint8(r >> 8));
        handler.claimKeeperFee(uint8(r >> 8), uint8(round) / 2);
        handler.withdrawTreasury(uint8(round) / 2);
    }

    function _allow(uint256 r, uint256 round) private {
        (uint8 a, uint8 b) = (uint8(r >> 8), uint8(r >> 16));
        handler.approveAgent(uint64(r >> 24), 3000, a % 2 == 0);
        handler.agentOpens(r, a % 16, 0, b, round % 4 == 3);
        handler.redeem(a, b, uint64(r >> 24) % 1e15, uint8(round));
        handler.setRenewal(a, 1000, b, 3);
        if (round % 5 == 4) handler.renew(a, 500, true, round % 10 == 9);
    }

    function _next() private returns (uint256) {
        return uint256(keccak256(abi.encode("memo", seed++)));
    }
}
