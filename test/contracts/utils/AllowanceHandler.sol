// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAllowancesTypes} from "../../../contracts/interfaces/IAllowances.sol";
import {Order} from "../../../contracts/interfaces/IStorageOrders.sol";
import {DisputeHandler} from "./DisputeHandler.sol";

/// @notice Plays a payer that signs no order, but lets others spend: an agent with a budget, vouchers, renewals. A
/// stranger tries the same without any right. The handler keeps its own account of what was allowed.
contract AllowanceHandler is DisputeHandler {
    uint256 private constant AGENT_KEY = 0xa6e27;
    uint256 private constant STRANGER_KEY = 0x57a6;
    uint64 private constant CHANNELS = 2;

    /// What is left of the agent's budget, and until when.
    uint256 private _budget;
    uint256 private _budgetUntil;
    uint256 private _nonce;
    mapping(uint32 provider => mapping(uint64 channel => uint256 amount)) private _redeemed;
    mapping(bytes32 orderId => IAllowancesTypes.Renewal renewal) private _terms;

    // ----------------------------------------------------------------------------------------------------- actions

    function approveAgent(uint64 budget, uint16 lasting, bool signed) external watched {
        uint64 until = uint64(block.timestamp + lasting);
        address agent = vm.addr(AGENT_KEY);
        if (signed) {
            uint256 nonce = _nonce++;
            bytes memory signature = _sign(FRUGAL_KEY, _agentDigest(agent, budget, until, nonce));
            allowances.approveAgentBySignature(frugal, agent, budget, until, nonce, until, signature);
            // The same once more is refused.
            try allowances.approveAgentBySignature(frugal, agent, budget, until, nonce, until, signature) {
                assertTrue(false, "nonce used twice");
            } catch {}
        } else {
            vm.prank(frugal);
            allowances.approveAgent(agent, budget, until);
        }
        (_budget, _budgetUntil) = (budget, until);
        ++happened["agent"];
    }

    function agentOpens(uint256 seed, uint8 length, uint64 price, uint8 stripes, bool forged) external watched {
        if (_orders.length >= ORDERS_MAX) return;
        Order memory order = _draft(frugal, seed, length, 0, price % 1e12, stripes);
        uint256 key = forged ? STRANGER_KEY : AGENT_KEY;
        address agent = vm.addr(forged && seed % 2 == 0 ? STRANGER_KEY : AGENT_KEY);
        bytes memory signature = _sign(key, orders.orderDigest(order));
        uint256 cost = orders.cost(order).total;
        try orders.openByAgent(order, agent, signature, _signaturesOfHolders(order)) {
            assertTrue(!forged && block.timestamp < _budgetUntil && cost <= _budget, "no such right");
            _budget -= cost;
            _consented = cost;
            _noteOrder(order);
            ++happened["order by agent"];
        } catch {}
        assertEq(allowances.agentOf(frugal, vm.addr(AGENT_KEY)).budget, _budget, "budget");
    }

    /// A voucher of the payer (by 0), its agent or a stranger.
    function redeem(uint8 provider, uint8 channel, uint64 more, uint8 by) external watched {
        uint32 id = 1 + (provider % PROVIDERS);
        uint64 series = channel % CHANNELS;
        uint256 before = _redeemed[id][series];
        IAllowancesTypes.Voucher memory voucher = IAllowancesTypes.Voucher({
            payer: frugal,
            providerId: id,
            channel: series,
            total: uint128(before + more),
            expiresAt: uint64(block.timestamp + 1)
        });
        uint256 key =
            by % 3 == 0
                ? FRUGAL_KEY
                : by % 3 == 1
                    ? AGENT_KEY
                    : STRANGER_KEY;
        IAllowancesTypes.SignedVoucher[] memory vouchers = new IAllowancesTypes.SignedVoucher[](1);
        vouchers[0] = IAllowancesTypes.SignedVoucher({
            voucher: voucher,
            signer: by % 6 == 5 ? frugal : vm.addr(key),
            signature: _sign(key, allowances.voucherDigest(voucher))
        });
        try allowances.redeem(vouchers) returns (uint128 amount) {
            assertTrue(by % 3 != 2, "a stranger's voucher");
            assertTrue(amount != 0 && amount <= more, "amount");
            if (by % 3 == 1) {
                assertTrue(block.timestamp < _budgetUntil && amount <= _budget, "agent's voucher");
                _budget -= amount;
            }
            _redeemed[id][series] += amount;
            _consented = amount;
            ++happened["voucher"];
            if (amount < more) return;
            try allowances.redeem(vouchers) {
                assertTrue(false, "redeemed twice");
            } catch {}
        } catch {}
    }

    function setRenewal(uint8 index, uint64 price, uint8 epochs, uint8 times) external watched {
        if (_orders.length == 0) return;
        bytes32 orderId = orders.orderIdOf(_orders[_ofFrugal(index)]);
        IAllowancesTypes.Renewal memory terms = IAllowancesTypes.Renewal({
            maxPrice: (100 << 32) + uint128(price),
            epochs: 1 + uint32(epochs % 20),
            left: times % 4
        });
        vm.prank(frugal);
        allowances.setRenewal(orderId, terms.maxPrice, terms.epochs, terms.left);
        _terms[orderId] = terms;
    }

    /// By anybody, with the holders' signatures; it may wait for the order's last epoch.
    function renew(uint8 index, uint64 price, bool wait, bool longer) external watched {
        if (_orders.length == 0 || _orders.length >= ORDERS_MAX) return;
        Order memory order = _orders[_ofFrugal(index)];
        bytes32 orderId = orders.orderIdOf(order);
        uint256 last = genesis + uint256(order.endEpoch - 1) * EPOCH;
        if (wait && block.timestamp < last) vm.warp(last);
        IAllowancesTypes.Renewal memory terms = _terms[orderId];
        Order memory next = abi.decode(abi.encode(order), (Order));
        next.providers = repairs.holdersOf(order);
        next.startEpoch = order.endEpoch;
        next.endEpoch = order.endEpoch + terms.epochs + (longer ? 1 : 0);
        (next.price, next.minEpochs) = ((100 << 32) + uint128(price), 0);
        next.openBy = genesis + uint64(next.startEpoch) * EPOCH;
        if (next.endEpoch == next.startEpoch) return;
        uint256 cost = orders.cost(next).total;
        try orders.renew(order, next, _signaturesOfHolders(next)) {
            bool allowed = order.payer == frugal && terms.left != 0 && next.price <= terms.maxPrice && !longer;
            assertTrue(allowed, "no such terms");
            _consented = cost;
            delete _terms[orderId];
            --terms.left;
            _terms[orders.orderIdOf(next)] = terms;
            _noteOrder(next);
            ++happened["renewal"];
        } catch {}
    }

    // ---------------------------------------------------------------------------------------------------- internal

    /// An order of the frugal payer, if there is one: the first from that index on.
    function _ofFrugal(uint8 index) private view returns (uint256 at) {
        for (uint256 i = 0; i < _orders.length; ++i) {
            at = (index + i) % _orders.length;
            if (_orders[at].payer == frugal && orders.orderState(orders.orderIdOf(_orders[at])).settledTo != 0)
                return at;
        }
    }

    function _agentDigest(address agent, uint128 budget, uint64 until, uint256 nonce) private view returns (bytes32) {
        bytes32 content = keccak256(
            abi.encode(
                keccak256(
                    "ApproveAgent(address payer,address agent,uint128 budget,uint64 expiresAt,uint256 nonce,"
                    "uint64 deadline)"
                ),
                frugal,
                agent,
                budget,
                until,
                nonce,
                until
            )
        );
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("memo Allowances"),
                keccak256("1"),
                block.chainid,
                address(allowances)
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, content));
    }
}
