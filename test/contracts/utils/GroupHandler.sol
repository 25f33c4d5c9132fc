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
import {ManifestLocation, Order} from "../../../contracts/interfaces/IStorageOrders.sol";
import {MerkleTree} from "../../../contracts/libraries/MerkleTree.sol";
import {VmTest} from "./Vm.sol";
import {ZeroShards} from "./ZeroShards.sol";

/// @notice Plays a group at random: every call is one that somebody may make, with arguments that mostly make sense.
contract GroupHandler is VmTest {
    uint32 public constant PROVIDERS = 4;
    uint32 public constant KEEPERS = 4;
    uint256 private constant PAYER_KEY = 0xbeef;
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
    address public immutable payer;

    Order[] internal _orders;
    uint64 private immutable genesis;
    /// Exceptions of the epochs that wait: bitmap of providers, by epoch.
    mapping(uint32 epoch => uint8 missing) internal _missing;
    uint256 public settledPages;
    /// Stake that each provider put in and did not take out again.
    mapping(uint32 providerId => uint256 amount) public putIn;

    constructor() {
        token = new MemoToken(1e30);
        payer = vm.addr(PAYER_KEY);
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
        repairs = Repairs(group.repairs);
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
    }

    // ----------------------------------------------------------------------------------------------------- actions

    function deposit(uint96 amount) external {
        if (amount != 0) orders.depositFor(payer, amount);
    }

    function requestWithdrawal(uint96 amount) external {
        vm.prank(payer);
        try orders.requestWithdrawal(amount) {} catch {}
    }

    function withdraw() external {
        vm.prank(payer);
        try orders.withdraw() {} catch {}
    }

    function open(uint256 seed, uint8 length, uint8 minimum, uint64 price, uint8 stripes) external {
        if (_orders.length >= 24) return;
        uint32 start = settlement.epochNow() + 1 + uint32(seed % 3);
        Order memory order = Order({
            group: address(settlement),
            owner: address(this),
            payer: payer,
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
        bytes32 digest = orders.orderDigest(order);
        bytes memory signatures;
        for (uint256 i = 0; i < order.providers.length; ++i) {
            signatures = bytes.concat(signatures, _sign(PROVIDER_KEY + order.providers[i], digest));
        }
        try orders.open(order, _sign(PAYER_KEY, digest), signatures) {
            _orders.push(order);
        } catch {}
    }

    /// Moves time by up to maxGap + some epochs and certifies, or not.
    function certify(uint8 epochs, uint8 missing, uint8 absent, bool silent) external {
        vm.warp(block.timestamp + uint256(epochs % 8) * EPOCH);
        vm.roll(block.number + 1 + (epochs % 8));
        uint32 epoch = settlement.epochNow();
        if (silent || epoch <= settlement.lastCertified()) return;
        _missing[epoch] = missing % 16;
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
        bytes32 digest = settlement.commitDigest(certificate);
        bytes memory signatures;
        for (uint256 i = 1; i <= 3; ++i) signatures = bytes.concat(signatures, _sign(KEEPER_KEY + i, digest));
        settlement.certify(certificate, 7, signatures);
    }

    function applyExceptions() public virtual {
        if (settlement.pendingCount() == 0) return;
        uint32 epoch = settlement.pendingAt(0).epoch;
        IChallengeSettlementTypes.ExceptionLeaf[] memory leaves = _leavesOf(epoch);
        settlement.applyExceptions(epoch, leaves, _padsOf(leaves.length), new bytes[](0));
    }

    function lapse(bool wait) external {
        if (settlement.pendingCount() == 0) return;
        if (wait) {
            vm.warp(block.timestamp + 601);
            vm.roll(block.number + 21);
        }
        try settlement.lapse(settlement.pendingAt(0).epoch) {} catch {}
    }

    function settle(uint8 index, uint32 to) external {
        if (_orders.length == 0) return;
        try orders.settle(_orders[index % _orders.length], to % 4 == 0 ? type(uint32).max : to % 300) {
            ++settledPages;
        } catch {}
    }

    function end(uint8 index) external {
        if (_orders.length == 0) return;
        try orders.end(_orders[index % _orders.length]) {} catch {}
    }

    function release(uint8 index) external {
        if (_orders.length == 0) return;
        try orders.releaseCollateral(_orders[index % _orders.length]) {} catch {}
    }

    function withdrawCredit(uint8 providerId) external {
        try orders.withdrawCredit(1 + (providerId % PROVIDERS)) {} catch {}
    }

    function claimKeeperFee(uint8 member, uint8 term) external {
        try orders.claimKeeperFee(term % 64, 1 + (member % KEEPERS)) {} catch {}
    }

    function withdrawTreasury(uint8 term) external {
        try orders.withdrawTreasury(term % 64) {} catch {}
    }

    function unbond(uint8 role, uint8 id, uint96 amount) external {
        try staking.requestUnbonding(IStakingTypes.Role(role % 2), 1 + (id % 4), 1 + (amount % 20e18)) {} catch {}
    }

    function withdrawStake(uint8 role, uint8 id) external {
        uint32 member = 1 + (id % 4);
        uint256 before = token.balanceOf(address(this));
        try staking.withdrawStake(IStakingTypes.Role(role % 2), member) {
            if (role % 2 == 0) putIn[member] -= token.balanceOf(address(this)) - before;
        } catch {}
    }

    function addStake(uint8 role, uint8 id, uint64 amount) external {
        staking.addStake(IStakingTypes.Role(role % 2), 1 + (id % 4), uint128(amount) + 1);
        if (role % 2 == 0) putIn[1 + (id % 4)] += uint256(amount) + 1;
    }

    // ------------------------------------------------------------------------------------------------------- views

    function orderCount() external view returns (uint256) {
        return _orders.length;
    }

    function orderAt(uint256 index) external view returns (Order memory) {
        return _orders[index];
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
                maxGap: 3,
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

    function _someProviders(uint256 seed) private pure returns (uint32[] memory providers) {
        providers = new uint32[](1 + (seed % PROVIDERS));
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
