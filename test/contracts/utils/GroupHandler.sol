// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Allowances} from "../../../contracts/Allowances.sol";
import {ChallengeSettlement} from "../../../contracts/ChallengeSettlement.sol";
import {Disputes} from "../../../contracts/Disputes.sol";
import {GroupFactory} from "../../../contracts/GroupFactory.sol";
import {MemoToken} from "../../../contracts/MemoToken.sol";
import {Repairs} from "../../../contracts/Repairs.sol";
import {Staking} from "../../../contracts/Staking.sol";
import {StorageOrders} from "../../../contracts/StorageOrders.sol";
import {GroupContracts, GroupParameters} from "../../../contracts/interfaces/IGroup.sol";
import {IGroupFactoryTypes} from "../../../contracts/interfaces/IGroupFactory.sol";
import {IChallengeSettlementTypes} from "../../../contracts/interfaces/IChallengeSettlement.sol";
import {IStakingTypes} from "../../../contracts/interfaces/IStaking.sol";
import {IStorageOrdersTypes, ManifestLocation, Order} from "../../../contracts/interfaces/IStorageOrders.sol";
import {MerkleTree} from "../../../contracts/libraries/MerkleTree.sol";
import {Ghosts} from "./Ghosts.sol";
import {ZeroShards} from "./ZeroShards.sol";

/// @notice Plays a group at random: every call is one that somebody may make, with arguments that mostly make sense.
contract GroupHandler is Ghosts {
    uint32 public constant PROVIDERS = 6;
    uint32 public constant KEEPERS = 5;
    uint32 private constant SLOTS_MAX = 4;
    uint256 internal constant ORDERS_MAX = 80;

    uint256 private constant PAYER_KEY = 0xbeef;
    uint256 internal constant FRUGAL_KEY = 0xf00d;
    uint256 internal constant PROVIDER_KEY = 0x1000;
    uint256 internal constant KEEPER_KEY = 0x2000;
    uint128 public constant COLLATERAL = 1e15;
    uint32 private constant STRIPES_MAX = 6;
    uint32 internal constant EPOCH = 60;
    uint32 internal constant TERM = 6;

    MemoToken public immutable token;
    Staking public immutable staking;
    StorageOrders public immutable orders;
    ChallengeSettlement public immutable settlement;
    Disputes public immutable disputes;
    Repairs public immutable repairs;
    Allowances public immutable allowances;
    address public immutable payer;
    address public immutable frugal;

    Order[] internal _orders;
    uint64 internal immutable genesis;
    /// What the frugal payer consented to spend in the action that runs.
    uint256 internal _consented;
    /// Exceptions of the epochs that wait: bitmap of providers, by epoch.
    mapping(uint32 epoch => uint8 missing) internal _missing;
    /// Certified epochs in order, and how many of them are finished.
    uint32[] private _certified;
    uint256 private _finishedCount;
    mapping(uint32 epoch => bool lapsed) private _lapsed;
    /// What the handler watches: totals, what the contracts hold, and the hashes over their events.
    struct Totals {
        uint64 sequence;
        uint32 certified;
        uint32 finished;
        uint256 ordersTokens;
        uint256 stakingTokens;
        uint256 coin;
        /// Balance of the payer that signs nothing but allowances.
        uint256 frugal;
        bytes32 ordersHash;
        bytes32 stakingHash;
        bytes32 settlementHash;
        bytes32 disputesHash;
    }

    /// How often each thing happened, so that a run in which it never does can be told.
    mapping(bytes32 what => uint256 times) public happened;
    /// Stake that each provider put in and did not take out again.
    mapping(uint32 providerId => uint256 amount) public putIn;

    constructor() {
        token = new MemoToken(1e30);
        payer = vm.addr(PAYER_KEY);
        frugal = vm.addr(FRUGAL_KEY);
        vm.warp(1_800_000_000);
        vm.roll(1000);
        genesis = uint64(block.timestamp);
        GroupFactory factory = new GroupFactory(
            GroupContracts({
                staking: address(new Staking()),
                orders: address(new StorageOrders()),
                settlement: address(new ChallengeSettlement()),
                disputes: address(new Disputes()),
                repairs: address(new Repairs()),
                allowances: address(new Allowances())
            }),
            IGroupFactoryTypes.ChainFacts({blockTime: 1, appealWindowMin: 60, blobs: true})
        );
        (, GroupContracts memory group) = factory.createGroup(_parameters(), 0);
        (staking, orders) = (Staking(group.staking), StorageOrders(group.orders));
        (settlement, disputes) = (ChallengeSettlement(group.settlement), Disputes(group.disputes));
        (repairs, allowances) = (Repairs(group.repairs), Allowances(group.allowances));
        token.approve(group.staking, type(uint256).max);
        token.approve(group.orders, type(uint256).max);
        for (uint32 i = 1; i <= PROVIDERS; ++i) {
            staking.registerProvider(vm.addr(PROVIDER_KEY + i), "/p", bytes32(uint256(i)), 1, true, 10e18);
            putIn[i] = 10e18;
        }
        for (uint32 i = 1; i <= KEEPERS; ++i) staking.registerKeeper(vm.addr(KEEPER_KEY + i), "/k", 10e18);
        vm.roll(1001);
        settlement.rotate();
        orders.depositFor(payer, 1e24);
        orders.depositFor(frugal, 1e24);
    }

    // ----------------------------------------------------------------------------------------------------- actions

    function deposit(uint96 amount) external watched {
        if (amount != 0) orders.depositFor(payer, uint128(amount % 1e24) + 1);
    }

    function requestWithdrawal(uint96 amount) external watched {
        vm.prank(payer);
        try orders.requestWithdrawal(amount) {} catch {}
    }

    function withdraw() external watched {
        vm.prank(payer);
        try orders.withdraw() {
            ++happened["withdrawal"];
        } catch {}
    }

    function open(uint256 seed, uint8 length, uint8 minimum, uint64 price, uint8 stripes) external watched {
        if (_orders.length >= ORDERS_MAX) return;
        Order memory order = _draft(payer, seed, length, minimum, price, stripes);
        bytes32 digest = orders.orderDigest(order);
        try orders.open(order, _sign(PAYER_KEY, digest), _signaturesOfHolders(order)) {
            _noteOrder(order);
        } catch {}
    }

    /// Moves time by up to maxGap + some epochs and certifies, or not.
    function certify(uint8 epochs, uint8 missing, uint8 absent, bool silent) external watched {
        vm.warp(block.timestamp + uint256(epochs % 8) * EPOCH);
        vm.roll(block.number + 1 + (epochs % 8));
        uint32 epoch = settlement.epochNow();
        if (silent || epoch <= settlement.lastCertified()) return;
        _missing[epoch] = missing % uint8(1 << PROVIDERS);
        _plan(epoch);
        bytes32[] memory hashes = _hashes(_leavesOf(epoch));
        IChallengeSettlementTypes.Certificate memory certificate = IChallengeSettlementTypes.Certificate({
            term: epoch / TERM,
            epoch: epoch,
            round: 0,
            resultsRoot: keccak256("results"),
            exceptionsRoot: MerkleTree.rootOf(hashes),
            exceptions: uint32(hashes.length),
            absent: absent % 5 == 0 ? uint32(1) << (absent % 4) : 0,
            leader: 0
        });
        (uint32 signers, bytes memory signatures) = _votes(certificate);
        if (epoch > settlement.lastCertified() + 1) ++happened["gap"];
        settlement.certify(certificate, signers, signatures);
        _certified.push(epoch);
        ++happened["certificate"];
        _noteProgress();
    }

    function applyExceptions() public virtual watched {
        if (settlement.pendingCount() == 0) return;
        uint32 epoch = settlement.pendingAt(0).epoch;
        IChallengeSettlementTypes.ExceptionLeaf[] memory leaves = _leavesOf(epoch);
        settlement.applyExceptions(epoch, leaves, _padsOf(leaves.length), new bytes[](0));
        _noteProgress();
    }

    function lapse(bool wait) external watched {
        if (settlement.pendingCount() == 0) return;
        if (wait) {
            vm.warp(block.timestamp + 601);
            vm.roll(block.number + 21);
        }
        uint32 epoch = settlement.pendingAt(0).epoch;
        try settlement.lapse(epoch) {
            _lapsed[epoch] = true;
            ++happened["lapse"];
            _noteProgress();
        } catch {}
    }

    /// In the last epoch of a term, to which it may wait.
    function rotate(bool wait) external watched {
        if (wait) {
            uint32 epoch = settlement.epochNow();
            uint32 due = (epoch / TERM) * TERM + TERM - 1;
            if (epoch < due) vm.warp(genesis + uint256(due) * EPOCH);
            vm.roll(block.number + 1);
        }
        try settlement.rotate() {
            ++happened["roster"];
        } catch {}
    }

    /// The last keeper signs two results of one round, and anybody reports it.
    function equivocate(uint32 round) external watched {
        uint32 epoch = settlement.epochNow();
        uint32[] memory members = settlement.rosterKeepers(epoch / TERM);
        if (members[members.length - 1] != KEEPERS) return;
        IChallengeSettlementTypes.Certificate memory a;
        (a.term, a.epoch, a.round) = (epoch / TERM, epoch, round);
        IChallengeSettlementTypes.Certificate memory b = a;
        bytes memory first = _sign(KEEPER_KEY + KEEPERS, settlement.commitDigest(a));
        b = abi.decode(abi.encode(a), (IChallengeSettlementTypes.Certificate));
        b.leader = 1;
        bytes memory second = _sign(KEEPER_KEY + KEEPERS, settlement.commitDigest(b));
        vm.prank(address(0xbad));
        try settlement.reportEquivocation(a, b, uint8(members.length - 1), first, second) {
            ++happened["equivocation"];
        } catch {}
    }

    function settle(uint8 index, uint32 to) external watched {
        if (_orders.length == 0) return;
        _settleTo(index % _orders.length, to % 4 == 0 ? type(uint32).max : to % 300);
    }

    function end(uint8 index) external watched {
        if (_orders.length == 0) return;
        try orders.end(_orders[index % _orders.length]) {
            ++happened["early end"];
        } catch {}
    }

    function release(uint8 index) external watched {
        if (_orders.length == 0) return;
        try orders.releaseCollateral(_orders[index % _orders.length]) {
            ++happened["release"];
        } catch {}
    }

    function withdrawCredit(uint8 providerId) external watched {
        try orders.withdrawCredit(1 + (providerId % PROVIDERS)) {
            ++happened["credit withdrawn"];
        } catch {}
    }

    function claimKeeperFee(uint8 member, uint8 term) external watched {
        try orders.claimKeeperFee(term % 64, 1 + (member % KEEPERS)) {
            ++happened["keeper fee"];
        } catch {}
    }

    function withdrawTreasury(uint8 term) external watched {
        try orders.withdrawTreasury(term % 64) {
            ++happened["treasury withdrawn"];
        } catch {}
    }

    function unbond(uint8 role, uint8 id, uint96 amount) external watched {
        uint32 member = 1 + (id % KEEPERS);
        uint128 wanted = 1 + (amount % 20e18);
        // A keeper's whole stake, now and then: it leaves its seat.
        if (role % 2 == 1 && amount % 4 == 0) wanted = staking.keeper(member).stake;
        try staking.requestUnbonding(IStakingTypes.Role(role % 2), member, wanted) {
            ++happened["unbonding"];
        } catch {}
    }

    function withdrawStake(uint8 role, uint8 id, bool wait) external watched {
        if (wait) vm.warp(block.timestamp + 1200);
        uint32 member = 1 + (id % KEEPERS);
        uint256 before = token.balanceOf(address(this));
        try staking.withdrawStake(IStakingTypes.Role(role % 2), member) {
            ++happened["stake withdrawn"];
            if (role % 2 == 0) putIn[member] -= token.balanceOf(address(this)) - before;
        } catch {}
    }

    function addStake(uint8 role, uint8 id, uint64 amount) external watched {
        uint32 member = 1 + (id % KEEPERS);
        staking.addStake(IStakingTypes.Role(role % 2), member, uint128(amount) + 1);
        if (role % 2 == 0) putIn[member] += uint256(amount) + 1;
    }

    function takeSeat(uint8 id) external watched {
        try staking.takeSeat(1 + (id % KEEPERS)) {
            ++happened["seat"];
        } catch {}
    }

    // ------------------------------------------------------------------------------------------------------- views

    function orderCount() external view returns (uint256) {
        return _orders.length;
    }

    function orderAt(uint256 index) external view returns (Order memory) {
        return _orders[index];
    }

    /// What a provider should have got for its slots of an order by now, by the handler's own books.
    function earnedBy(uint256 index, uint32 provider) external view returns (uint256) {
        Order memory order = _orders[index];
        uint32 settledTo = orders.orderState(orders.orderIdOf(order)).settledTo;
        return _earned(index, order.providers.length, provider, uint256(order.price) * order.stripes, settledTo);
    }

    // ---------------------------------------------------------------------------------------------------- internal

    function _parameters() private view returns (GroupParameters memory) {
        return
            GroupParameters({
                token: address(token),
                treasury: address(0x7ea5),
                genesis: uint64(block.timestamp),
                epochLength: EPOCH,
                seedDelay: 20,
                answerWindow: 20,
                applyWindow: 600,
                applyWindowBlocks: 20,
                payerDelay: 120,
                unbondingDelay: 1200,
                confirmations: 2,
                maxGap: uint16(MAX_GAP),
                samples: 64,
                termLength: TERM,
                minKeeperStake: 1e18,
                minProviderStake: 1e18,
                collateralPerShard: COLLATERAL,
                minPrice: 100 << 32,
                appealWindow: 120,
                appealWindowBlocks: 12,
                protectionEpochs: 4,
                evictionCap: 5000,
                challengeBond: 1e15,
                repairBonusPerShard: COLLATERAL / 5,
                repairThresholds: bytes32((type(uint256).max / 0xffff) * 2),
                offerEpochs: 3,
                offerExpiries: 2,
                coolOffEpochs: 4,
                freezeShare: 5000,
                freezeEpochs: 4,
                repairBudget: 64,
                rejoinEpochs: 2,
                lockShare: 10_000,
                blobAnswers: true
            });
    }

    function _draft(
        address from,
        uint256 seed,
        uint8 length,
        uint8 minimum,
        uint64 price,
        uint8 stripes
    ) internal view returns (Order memory order) {
        uint32 start = settlement.epochNow() + 1 + uint32(seed % 3);
        order = Order({
            group: address(settlement),
            owner: address(this),
            payer: from,
            providers: _someProviders(seed),
            shardRoot: 0,
            stripes: (uint32(stripes) % STRIPES_MAX) + 1,
            policy: 0,
            layout: 0,
            startEpoch: start,
            endEpoch: start + 1 + (length % 40),
            price: (100 << 32) + uint128(price),
            minEpochs: minimum % (1 + (length % 40)),
            openBy: genesis + uint64(start) * EPOCH,
            manifest: ManifestLocation(0, 1, 1, 0),
            salt: bytes32(seed)
        });
        order.shardRoot = ZeroShards.rootOf(order.stripes, order.providers.length);
        order.policy = uint32((2 << 16) | (1 << 8) | (order.providers.length - 1));
    }

    function _signaturesOfHolders(Order memory order) internal view returns (bytes memory signatures) {
        bytes32 digest = orders.orderDigest(order);
        for (uint256 i = 0; i < order.providers.length; ++i) {
            signatures = bytes.concat(signatures, _sign(PROVIDER_KEY + order.providers[i], digest));
        }
    }

    function _noteOrder(Order memory order) internal {
        _noteOpened(_orders.length, order.providers, order.startEpoch);
        _orders.push(order);
        ++happened["order"];
    }

    /// What only rises never falls, and nothing changes without an event.
    modifier watched() {
        Totals memory before = _totals();
        _consented = 0;
        _;
        Totals memory after_ = _totals();
        assertTrue(after_.frugal + _consented >= before.frugal, "spent without consent");
        assertTrue(after_.sequence >= before.sequence, "sequence");
        assertTrue(after_.certified >= before.certified && after_.finished >= before.finished, "epochs");
        bool asBefore = after_.sequence == before.sequence && after_.ordersTokens == before.ordersTokens;
        assertTrue(asBefore || after_.ordersHash != before.ordersHash, "orders changed without an event");
        asBefore = after_.stakingTokens == before.stakingTokens;
        assertTrue(asBefore || after_.stakingHash != before.stakingHash, "stake changed without an event");
        asBefore = after_.certified == before.certified && after_.finished == before.finished;
        assertTrue(asBefore || after_.settlementHash != before.settlementHash, "epochs changed without an event");
        assertTrue(after_.coin == before.coin || after_.disputesHash != before.disputesHash, "bonds without an event");
    }

    function _totals() private view returns (Totals memory totals) {
        totals.sequence = orders.sequence();
        (totals.certified, totals.finished) = (settlement.lastCertified(), settlement.lastFinished());
        totals.ordersTokens = token.balanceOf(address(orders));
        totals.stakingTokens = token.balanceOf(address(staking));
        totals.coin = address(disputes).balance;
        totals.frugal = orders.balanceOf(frugal);
        totals.ordersHash = orders.rollingHash();
        totals.stakingHash = staking.rollingHash();
        totals.settlementHash = settlement.rollingHash();
        totals.disputesHash = disputes.rollingHash();
    }

    /// Epochs finish in the order in which they were certified.
    function _noteProgress() internal {
        uint32 finished = settlement.lastFinished();
        while (_finishedCount < _certified.length && _certified[_finishedCount] <= finished) {
            uint32 epoch = _certified[_finishedCount++];
            _noteFinished(epoch, _lapsed[epoch] ? 0 : _missing[epoch], PROVIDERS);
        }
    }

    function _settleTo(uint256 at, uint32 to) internal {
        uint256[] memory before = new uint256[](PROVIDERS + 1);
        for (uint32 id = 1; id <= PROVIDERS; ++id) before[id] = orders.credit(id);
        try orders.settle(_orders[at], to) {
            ++happened["settled page"];
            for (uint32 id = 1; id <= PROVIDERS; ++id) paid[at][id] += orders.credit(id) - before[id];
            IStorageOrdersTypes.OrderState memory state = orders.orderState(orders.orderIdOf(_orders[at]));
            if (state.status == IStorageOrdersTypes.OrderStatus.Closed) ++happened["closed order"];
        } catch {}
    }

    /// Votes of exactly a quorum of the roster in force: of its first members that are not masked.
    function _votes(
        IChallengeSettlementTypes.Certificate memory certificate
    ) private view returns (uint32 signers, bytes memory signatures) {
        bytes32 digest = settlement.commitDigest(certificate);
        uint32[] memory members = settlement.rosterKeepers(certificate.term);
        uint32 masked = settlement.masked(certificate.term);
        uint256 left = (2 * members.length) / 3 + 1;
        for (uint256 i = 0; i < members.length && left != 0; ++i) {
            if ((masked >> i) & 1 == 1) continue;
            signers |= uint32(1) << uint32(i);
            signatures = bytes.concat(signatures, _sign(KEEPER_KEY + members[i], digest));
            --left;
        }
    }

    function _someProviders(uint256 seed) private pure returns (uint32[] memory providers) {
        providers = new uint32[](1 + (seed % SLOTS_MAX));
        for (uint32 i = 0; i < providers.length; ++i) providers[i] = 1 + uint32((seed / 7 + i) % PROVIDERS);
    }

    /// What a certificate says besides who missed the epoch.
    function _plan(uint32 epoch) internal virtual {}

    function _leavesOf(
        uint32 epoch
    ) internal view virtual returns (IChallengeSettlementTypes.ExceptionLeaf[] memory leaves) {
        return _leaves(_missing[epoch]);
    }

    /// Proof of all leaves at once: the pads beside them.
    function _padsOf(uint256 leaves) internal pure returns (bytes32[] memory proof) {
        proof = new bytes32[](MerkleTree.depthOf(leaves));
        uint256 used = 0;
        bytes32 pad = MerkleTree.EMPTY;
        for (uint256 width = leaves; width > 1; width = (width + 1) / 2) {
            if (width % 2 == 1) proof[used++] = pad;
            pad = MerkleTree.node(pad, pad);
        }
        assembly ("memory-safe") {
            mstore(proof, used)
        }
    }

    function _leaves(uint8 missing) internal pure returns (IChallengeSettlementTypes.ExceptionLeaf[] memory leaves) {
        uint256 count = 0;
        for (uint32 i = 0; i < PROVIDERS; ++i) count += (missing >> i) & 1;
        leaves = new IChallengeSettlementTypes.ExceptionLeaf[](count);
        for (uint32 i = PROVIDERS; i > 0; --i) {
            if ((missing >> (i - 1)) & 1 == 1) leaves[--count] = IChallengeSettlementTypes.ExceptionLeaf(1, i, 0);
        }
    }

    function _hashes(
        IChallengeSettlementTypes.ExceptionLeaf[] memory leaves
    ) private pure returns (bytes32[] memory hashes) {
        hashes = new bytes32[](leaves.length);
        for (uint32 i = 0; i < leaves.length; ++i) {
            bytes memory payload = abi.encodePacked(leaves[i].kind, leaves[i].provider, leaves[i].data);
            hashes[i] = MerkleTree.leaf(MerkleTree.EXCEPTION_TAG, i, payload);
        }
    }

    function _sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, bytes32(uint256(s) | (uint256(v - 27) << 255)));
    }
}
