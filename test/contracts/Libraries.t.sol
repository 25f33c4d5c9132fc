// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LibraryHarness} from "../../contracts/mocks/LibraryHarness.sol";
import {Absences} from "../../contracts/libraries/Absences.sol";
import {MerkleTree} from "../../contracts/libraries/MerkleTree.sol";
import {OrderWord} from "../../contracts/libraries/OrderWord.sol";
import {SlotWord} from "../../contracts/libraries/SlotWord.sol";
import {Payments} from "../../contracts/libraries/Payments.sol";
import {RollingHash} from "../../contracts/libraries/RollingHash.sol";
import {Roster} from "../../contracts/libraries/Roster.sol";
import {IRepairsTypes} from "../../contracts/interfaces/IRepairs.sol";
import {IStorageOrdersTypes} from "../../contracts/interfaces/IStorageOrders.sol";
import {Vm, VmTest} from "./utils/Vm.sol";

contract LibrariesTest is VmTest {
    using Absences for mapping(uint256 word => uint256 counters);
    using RollingHash for RollingHash.Chain;

    LibraryHarness private harness;
    RollingHash.Chain private _chain;
    mapping(uint256 word => uint256 counters) private _absences;

    function setUp() public {
        harness = new LibraryHarness();
    }

    function testFuzz_countBits_isTheNumberOfSetBits(uint256 word) public view {
        uint256 expected = 0;
        for (uint256 i = 0; i < 256; ++i) expected += (word >> i) & 1;
        assertEq(harness.countBits(word), expected, "bits");
    }

    function test_countBits_allBits() public view {
        assertEq(harness.countBits(type(uint256).max), 256, "full");
        assertEq(harness.countBits(0), 0, "empty");
    }

    function testFuzz_countRange_countsOnlyTheRange(uint256[3] memory words, uint256 a, uint256 b) public {
        (uint256 from, uint256 to) = (bound(a, 0, 767), bound(b, 0, 768));
        for (uint256 i = 0; i < 3; ++i) harness.setWord(i, words[i]);
        uint256 expected = 0;
        for (uint256 epoch = from; epoch < to; ++epoch) expected += (words[epoch >> 8] >> (epoch & 255)) & 1;
        assertEq(harness.countRange(from, to), expected, "range");
    }

    /// Gaps against a list of epochs: 0 paid and certified, 1 gap, 2 dead, 3 lapsed.
    function testFuzz_gaps_areCountedLikeALedger(uint256 seed, uint256 a, uint256 b) public {
        uint32 maxGap = uint32(1 + (seed % 5));
        uint8[] memory kinds = new uint8[](80);
        uint32 last = 0;
        for (uint256 i = 0; i < 12; ++i) {
            uint256 random = uint256(keccak256(abi.encode(seed, i)));
            uint32 gap = random % 3 == 0 ? uint32((random >> 8) % 9) : 0;
            bool lapsed = (random >> 16) % 4 == 0;
            uint32 epoch = last + 1 + gap;
            if (epoch >= 80) break;
            uint32 dead = gap > maxGap ? gap - maxGap : 0;
            for (uint32 e = last + 1; e < epoch; ++e) kinds[e] = e > last + maxGap ? 2 : 1;
            if (lapsed) kinds[epoch] = 3;
            harness.pushGap(epoch, gap, dead, lapsed);
            last = epoch;
        }
        (uint256 from, uint256 to) = (bound(a, 1, last + 1), bound(b, 1, last + 1));
        (uint256 deadExpected, uint256 feelessExpected) = (0, 0);
        for (uint256 e = from; e < to; ++e) {
            if (kinds[e] == 2) ++deadExpected;
            if (kinds[e] != 0) ++feelessExpected;
        }
        (uint32 deadFound, uint32 feelessFound) = harness.gapsBetween(uint32(from), uint32(to));
        assertEq(deadFound, deadExpected, "dead");
        assertEq(feelessFound, feelessExpected, "feeless");
    }

    /// Any range of any tree gives the root that the whole tree has, and no other leaves do.
    function testFuzz_rangeProof_provesExactlyItsLeaves(uint256 seed, uint256 a, uint256 b, uint256 c) public view {
        uint256 leaves = bound(a, 1, 40);
        uint256 from = bound(b, 0, leaves - 1);
        uint256 length = bound(c, 1, leaves - from);
        bytes32[] memory hashes = new bytes32[](leaves);
        for (uint256 i = 0; i < leaves; ++i) hashes[i] = keccak256(abi.encode(seed, i));
        (bytes32 root, bytes32[] memory proof) = _prove(hashes, from, length);
        bytes32[] memory range = new bytes32[](length);
        for (uint256 i = 0; i < length; ++i) range[i] = hashes[from + i];
        assertEq(harness.rangeRoot(range, from, leaves, proof), root, "root");
        range[seed % length] = bytes32(seed);
        assertTrue(harness.rangeRoot(range, from, leaves, proof) != root, "another leaf");
    }

    function _prove(
        bytes32[] memory leaves,
        uint256 from,
        uint256 length
    ) private pure returns (bytes32 root, bytes32[] memory proof) {
        uint256 width = 1 << MerkleTree.depthOf(leaves.length);
        bytes32[] memory level = new bytes32[](width);
        for (uint256 i = 0; i < width; ++i) level[i] = i < leaves.length ? leaves[i] : MerkleTree.EMPTY;
        bytes32[] memory found = new bytes32[](32);
        (uint256 used, uint256 to) = (0, from + length);
        for (; width > 1; width /= 2) {
            if (from & 1 == 1) found[used++] = level[from - 1];
            if (to & 1 == 1) found[used++] = level[to];
            for (uint256 i = 0; i < width / 2; ++i) level[i] = MerkleTree.node(level[2 * i], level[2 * i + 1]);
            (from, to) = (from / 2, (to + 1) / 2);
        }
        proof = new bytes32[](used);
        for (uint256 i = 0; i < used; ++i) proof[i] = found[i];
        return (level[0], proof);
    }

    function test_vectors_rangeProofs() public view {
        string memory json = vm.readFile("test/vectors/rangeProof.json");
        for (uint256 i = 0; i < 3; ++i) {
            string memory key = string.concat(".[", vm.toString(i), "]");
            bytes32[] memory hashes = vm.parseJsonBytes32Array(json, string.concat(key, ".leafHashes"));
            bytes32 root = vm.parseJsonBytes32(json, string.concat(key, ".root"));
            assertEq(hashes.length, vm.parseJsonUint(json, string.concat(key, ".count")), "count");
            assertEq(MerkleTree.rootOf(hashes), root, "root");
        }
    }

    function test_vectors_payments() public view {
        string memory json = vm.readFile("test/vectors/payments.json");
        for (uint256 i = 0; i < 20; ++i) {
            string memory key = string.concat(".[", vm.toString(i), "].");
            uint256 rate = vm.parseJsonUint(json, string.concat(key, "rate"));
            uint256 slots = vm.parseJsonUint(json, string.concat(key, "slots"));
            uint256 epochs = vm.parseJsonUint(json, string.concat(key, "epochs"));
            (uint256 provider, uint256 keepers, uint256 treasury) = harness.pay(rate, slots, epochs);
            assertEq(provider, vm.parseJsonUint(json, string.concat(key, "provider")), "provider");
            assertEq(keepers, vm.parseJsonUint(json, string.concat(key, "keepers")), "keepers");
            assertEq(treasury, vm.parseJsonUint(json, string.concat(key, "treasury")), "treasury");
        }
    }

    /// What was kept for an order's rest always covers what its next page pays and keeps, whoever passes when.
    function testFuzz_payments_whatWasKeptSuffices(
        uint160 rate,
        uint32 earned,
        uint16 page,
        uint16 passed,
        uint32 rest
    ) public pure {
        passed = uint16(bound(passed, 0, page));
        uint256 kept = Payments.providerPay(rate, uint256(earned) + page + rest) - Payments.providerPay(rate, earned);
        uint256 after_ = Payments.providerPay(rate, uint256(earned) + passed);
        uint256 pay = after_ - Payments.providerPay(rate, earned);
        uint256 keptNext = Payments.providerPay(rate, uint256(earned) + passed + rest) - after_;
        assertTrue(pay + keptNext <= kept, "kept");
        assertTrue(passed != page || pay + keptNext == kept, "nothing returns while all pass");
    }

    function testFuzz_keeperShares_neverExceedThePool(
        uint128 pool,
        uint16[4] memory absences,
        uint16 earning
    ) public pure {
        vm.assume(earning > 0);
        (uint256 paid, uint256 absent) = (0, 0);
        for (uint256 i = 0; i < 4; ++i) {
            uint256 missed = absences[i] % (uint256(earning) + 1);
            absent += missed;
            paid += Payments.keeperShare(pool, earning - missed, earning, 4);
        }
        paid += Payments.keeperShare(pool, absent, earning, 4);
        assertTrue(paid <= pool && pool - paid < 5, "shares");
    }

    function testFuzz_roster_readsWhatWasWritten(uint256 seed, uint256 size) public {
        size = bound(size, 1, 32);
        uint32[] memory ids = new uint32[](size);
        address[] memory operators = new address[](size);
        for (uint256 i = 0; i < size; ++i) {
            ids[i] = uint32(uint256(keccak256(abi.encode(seed, i, "id"))));
            operators[i] = address(uint160(uint256(keccak256(abi.encode(seed, i)))));
        }
        bytes memory members = Roster.read(Roster.write(ids, operators));
        assertEq(Roster.size(members), size, "size");
        for (uint256 i = 0; i < size; ++i) {
            assertEq(Roster.keeperAt(members, i), ids[i], "id");
            assertTrue(Roster.operatorAt(members, i) == operators[i], "operator");
        }
        assertEq(keccak256(abi.encode(Roster.operatorsOf(members))), keccak256(abi.encode(operators)), "operators");
    }

    function testFuzz_absences_countEachMember(uint32[8] memory bitmaps) public {
        for (uint256 i = 0; i < 8; ++i) _absences.count(bitmaps[i]);
        uint32[] memory counts = _absences.read(32);
        for (uint256 member = 0; member < 32; ++member) {
            uint256 expected = 0;
            for (uint256 i = 0; i < 8; ++i) expected += (bitmaps[i] >> member) & 1;
            assertEq(counts[member], expected, "member");
        }
    }

    function testFuzz_slotWord_unpacksWhatWasPacked(
        uint32[7] memory numbers,
        uint8 expiries,
        bool vacant,
        bool voided
    ) public pure {
        IRepairsTypes.Slot memory slot = IRepairsTypes.Slot({
            holder: numbers[0],
            since: numbers[1],
            former: numbers[2],
            formerSince: numbers[3],
            until: numbers[4],
            assignee: numbers[5],
            deadline: numbers[6],
            expiries: expiries,
            vacant: vacant,
            voided: voided
        });
        uint256 word = SlotWord.pack(slot);
        assertEq(keccak256(abi.encode(SlotWord.unpack(word))), keccak256(abi.encode(slot)), "slot");
        assertEq(SlotWord.holderOf(word), slot.holder, "holder");
        assertEq(SlotWord.formerOf(word), slot.former, "former");
    }

    function testFuzz_orderWord_unpacksWhatWasPacked(
        uint8 status,
        uint32 settledTo,
        uint32 endEpoch,
        uint128 escrow,
        uint8 evicted,
        bool uneven,
        bool changed,
        bool announced
    ) public pure {
        IStorageOrdersTypes.OrderState memory state = IStorageOrdersTypes.OrderState({
            status: IStorageOrdersTypes.OrderStatus(status % 5),
            settledTo: settledTo,
            endEpoch: endEpoch,
            escrow: escrow,
            evicted: evicted,
            uneven: uneven,
            changed: changed,
            announced: announced
        });
        bytes32 unpacked = keccak256(abi.encode(OrderWord.unpack(OrderWord.pack(state))));
        assertEq(unpacked, keccak256(abi.encode(state)), "state");
    }

    /// The chain holds exactly the logs, of one to four topics and any data.
    function testFuzz_rollingHash_foldsEveryLog(bytes32[4] memory topics, bytes memory data) public {
        vm.recordLogs();
        _chain.log(topics[0], data);
        _chain.log(topics[0], topics[1], data);
        _chain.log(topics[0], topics[1], topics[2], data);
        _chain.log(topics[0], topics[1], topics[2], topics[3], data);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 4, "logs");
        bytes32 head = 0;
        for (uint256 i = 0; i < 4; ++i) {
            assertEq(logs[i].topics.length, i + 1, "topics");
            bytes32 record = keccak256(abi.encodePacked(logs[i].topics, logs[i].data));
            head = keccak256(abi.encodePacked(head, record));
        }
        assertEq(_chain.head, head, "head");
    }

    function testFuzz_recover_isTheSigner(uint256 key, bytes32 digest) public view {
        key = bound(key, 1, type(uint128).max);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        bytes memory compact = abi.encodePacked(r, bytes32(uint256(s) | (uint256(v - 27) << 255)));
        assertTrue(harness.recover(digest, compact, 0) == vm.addr(key), "signer");
        assertTrue(harness.recover(bytes32(uint256(digest) ^ 1), compact, 0) != vm.addr(key), "another digest");
    }

    function test_recover_garbageIsNobody() public view {
        assertTrue(harness.recover(keccak256("digest"), new bytes(64), 0) == address(0), "zero");
        bytes memory high = abi.encodePacked(uint256(1), type(uint256).max >> 1);
        assertTrue(harness.recover(keccak256("digest"), high, 0) == address(0), "high s");
    }
}
