import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Hex, hashTypedData, recoverAddress } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import type { RenewalPlan } from "../../../client/orders/renewOrder.ts";
import { ALLOWANCE_TYPES, allowancesDomain } from "../../../protocol/allowance.ts";
import { MemoError } from "../../../protocol/errors.ts";
import { ORDER_TYPES, type Order, orderId, ordersDomain } from "../../../protocol/order.ts";
import { noise } from "../object/noise.ts";
import { createMemoryNetwork, deployment, owner } from "./memoryNetwork.ts";

const agent = privateKeyToAccount(`0x${"17".repeat(32)}`);
const bytes = noise(500, 9);
const ORDERS = deployment.groups[0]!.orders;

const signerOf = async (order: Order, signature: Hex) =>
  recoverAddress({
    hash: hashTypedData({
      domain: ordersDomain(31337, ORDERS),
      types: ORDER_TYPES,
      primaryType: "Order",
      message: order,
    }),
    signature,
  });

/** An order of two copies for ten epochs, whose slot 0 a spare provider has taken over. */
async function setUp() {
  const network = createMemoryNetwork({ providers: 4 });
  const client = network.client();
  const stored = await client.store(bytes, { name: "it", policy: "copies(2)", epochs: 10 });
  const spare = [...network.providers.keys()].find((id) => !stored.order.providers.includes(id))!;
  network.handOver(stored.orderId, 0, spare);
  const sent: { name: string; args: readonly unknown[] }[] = [];
  network.sent.length = 0;
  network.calls.length = 0;
  network.onSend = (name, args) => {
    sent.push({ name, args });
    return [];
  };
  return { network, client, sent, spare, ...stored };
}

describe("going on with an order", () => {
  it("opens a new one over the same shards with the present holders, and nothing is uploaded", async () => {
    const { network, client, order, orderId: id, spare } = await setUp();
    const renewed = await client.renew(id);
    assert.deepEqual([...new Set(network.calls.map(({ method }) => method))], ["signRenewal"]);
    const { order: next } = renewed;
    assert.deepEqual(next.providers, [spare, order.providers[1]]);
    assert.deepEqual([next.startEpoch, next.endEpoch], [order.endEpoch, order.endEpoch + 10]);
    const same = { providers: [], startEpoch: 0, endEpoch: 0, openBy: 0n, salt: "0x" } as const;
    assert.deepEqual({ ...next, ...same }, { ...order, ...same });
    assert.notEqual(next.salt, order.salt);
    assert.equal(renewed.orderId, orderId(next));
    assert.equal(network.sent.at(-1), "open");
    const { stream } = await client.read({ orderId: renewed.orderId });
    const read = await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer();
    assert.ok(Buffer.from(read).equals(bytes), "and it reads as before");
  });

  it("leaves one name, which stands for the new order", async () => {
    const { client, orderId: id } = await setUp();
    const { orderId: next } = await client.renew(id);
    const { objects } = await client.list();
    assert.deepEqual(
      objects.map(({ name, orderId: of }) => [name, of]),
      [["it", next]],
    );
  });

  it("pays what the dearest holder asks, or what was said, for as long as was said", async () => {
    const { network, client, order, orderId: id } = await setUp();
    const dear = order.providers[1]!;
    network.providers.set(dear, { ...network.providers.get(dear)!, ask: 170n });
    const plans: RenewalPlan[] = [];
    const confirm = async (plan: RenewalPlan) => plans.push(plan) > 1;
    await assert.rejects(client.renew(id, { confirm }), { code: "RENEWAL_DECLINED" });
    assert.deepEqual(network.sent, [], "nothing was spent");
    await client.renew(id, { confirm, epochs: 3, price: 200n });
    assert.deepEqual(
      plans.map(({ price, startEpoch, endEpoch }) => [price, endEpoch - startEpoch]),
      [
        [170n, 10],
        [200n, 3],
      ],
    );
    await assert.rejects(client.renew(id, { epochs: 0 }), { code: "EPOCHS_INVALID" });
  });

  it("that has ended starts with the next epoch, and must open soon", async () => {
    const { network, client, order, orderId: id } = await setUp();
    network.chainTime = 1_000 + 60 * (order.endEpoch + 2);
    const { order: late } = await client.renew(id);
    assert.equal(late.startEpoch, order.endEpoch + 3);
    assert.equal(late.openBy, BigInt(network.chainTime + 60), "the start of its first epoch");
    network.chainTime = 2_000;
    const { order: early } = await client.renew(id);
    const start = 1_000 + 60 * order.endEpoch;
    assert.equal(early.openBy, BigInt(Math.min(start, 2_900)));
  });

  it("waits for the repair of a vacant slot", async () => {
    const { network, client, orderId: id } = await setUp();
    network.evict(id, 1);
    await assert.rejects(client.renew(id), { code: "SLOT_VACANT", details: { orderId: id, slot: 1 } });
    assert.deepEqual(network.sent, []);
  });

  it("says which holder does not go on with it, and why", async () => {
    const { network, client, order, orderId: id } = await setUp();
    const refusing = order.providers[1]!;
    network.misbehave = async ({ provider }, honest) => {
      if (provider === refusing) throw new MemoError("LOCK_LIMIT", "not in this epoch");
      return honest();
    };
    await assert.rejects(client.renew(id), (error: MemoError) => {
      assert.deepEqual(
        [error.code, error.details.provider, error.details.code],
        ["RENEWAL_REFUSED", refusing, "LOCK_LIMIT"],
      );
      return true;
    });
    network.misbehave = ({ provider }, honest) =>
      provider === refusing ? Promise.resolve({ signature: `0x${"11".repeat(64)}` }) : honest();
    await assert.rejects(client.renew(id), { code: "RENEWAL_REFUSED" });
    assert.equal(network.sent.includes("open"), false);
  });

  it("is signed by its payer before any provider is asked", async () => {
    const { network, client, orderId: id } = await setUp();
    await client.renew(id);
    for (const { request } of network.calls) {
      const {
        former,
        order: next,
        consent,
      } = request as unknown as {
        former: Hex;
        order: Order;
        consent: { signer: Hex; signature: Hex };
      };
      assert.equal(former, id);
      assert.equal(consent.signer, owner.address);
      assert.equal(await signerOf(next, consent.signature), owner.address);
    }
  });
});

describe("an agent", () => {
  const allow = (network: Awaited<ReturnType<typeof setUp>>["network"], budget: bigint, expiresAt: bigint) =>
    network.agents.set(`${owner.address} ${agent.address}`, { agent: agent.address, budget, expiresAt });

  it("goes on with an order out of its payer's balance", async () => {
    const { network, orderId: id, sent } = await setUp();
    network.money.deposited = 10n ** 24n;
    allow(network, 10n ** 24n, 9_999n);
    const { order: next } = await network.client({ account: agent }).renew(id, { asAgentOf: owner.address });
    assert.equal(next.payer, owner.address);
    const [opened] = sent;
    assert.equal(opened?.name, "openByAgent");
    assert.equal(opened?.args[1], agent.address);
    assert.equal(await signerOf(next, opened?.args[2] as Hex), agent.address);
    assert.equal(sent.length, 1, "it moves nothing of its own");
  });

  it("stores what it owns out of its payer's balance", async () => {
    const { network, sent } = await setUp();
    network.money.deposited = 10n ** 24n;
    allow(network, 10n ** 24n, 9_999n);
    const options = { name: "its", policy: "copies(2)", epochs: 1, asAgentOf: owner.address };
    const { order } = await network.client({ account: agent }).store(bytes, options);
    assert.deepEqual([order.owner, order.payer], [agent.address, owner.address]);
    assert.deepEqual(
      sent.map(({ name }) => name),
      ["openByAgent"],
    );
  });

  it("is told before anything is spent what it lacks", async () => {
    const { network, orderId: id } = await setUp();
    const renew = () => network.client({ account: agent }).renew(id, { asAgentOf: owner.address });
    network.money.deposited = 10n ** 24n;
    await assert.rejects(renew(), { code: "AGENT_EXPIRED" });
    const cost = (await network.client().renew(id)).cost;
    network.sent.length = 0;
    allow(network, cost, 2_000n);
    await assert.rejects(renew(), { code: "AGENT_EXPIRED" });
    allow(network, cost - 1n, 2_001n);
    await assert.rejects(renew(), { code: "AGENT_BUDGET_TOO_LOW" });
    allow(network, cost, 2_001n);
    network.money.deposited = cost - 1n;
    await assert.rejects(renew(), { code: "DEPOSIT_TOO_LOW" });
    assert.deepEqual(network.sent, []);
    network.money.deposited = cost;
    await renew();
  });
});

describe("vouchers", () => {
  it("are signed for Allowances, and handed to it as they are", async () => {
    const { network, client, sent } = await setUp();
    const voucher = { payer: owner.address, providerId: 2, channel: 1n, total: 70n, expiresAt: 9_999n };
    const signed = await client.signVoucher(voucher);
    const hash = hashTypedData({
      domain: allowancesDomain(31337, deployment.groups[0]!.allowances),
      types: ALLOWANCE_TYPES,
      primaryType: "Voucher",
      message: voucher,
    });
    assert.equal(await recoverAddress({ hash, signature: signed.signature }), owner.address);
    await network.client({ account: agent }).redeemVouchers([signed]);
    assert.deepEqual(sent, [{ name: "redeem", args: [[signed]] }]);
    await assert.rejects(client.redeemVouchers([]), { code: "VOUCHERS_MISSING" });
  });
});

describe("standing terms", () => {
  it("let anybody go on with an order, at its payer's cost and without its signature", async () => {
    const { network, orderId: id, sent, order } = await setUp();
    const anybody = network.client({ account: agent });
    await assert.rejects(anybody.renew(id, { standing: true }), { code: "RENEWAL_NOT_ALLOWED" });
    network.standing.set(id, { maxPrice: 100n, epochs: 7, left: 1 });
    network.calls.length = 0;
    const { order: next } = await anybody.renew(id, { standing: true });
    assert.deepEqual([next.payer, next.owner], [order.payer, order.owner]);
    assert.equal(next.endEpoch - next.startEpoch, 7);
    assert.ok(network.calls.every(({ request }) => !("consent" in request)));
    assert.deepEqual(
      sent.map(({ name }) => name),
      ["renew"],
    );
  });

  it("are the payer's to set", async () => {
    const { network, client, orderId: id, sent } = await setUp();
    const terms = { maxPrice: 150n, epochs: 30, times: 12 };
    await assert.rejects(network.client({ account: agent }).setStanding(id, terms), { code: "NOT_PAYER" });
    await client.setStanding(id, terms);
    assert.deepEqual(sent, [{ name: "setRenewal", args: [id, 150n, 30, 12] }]);
  });

  it("for an agent end in the future, unless they take back", async () => {
    const { client, sent } = await setUp();
    const of = { agent: agent.address, budget: 5n, expiresAt: 2_000n };
    await assert.rejects(client.approveAgent(of), { code: "AGENT_EXPIRY_PAST" });
    await client.approveAgent({ ...of, expiresAt: 2_001n });
    await client.approveAgent({ ...of, budget: 0n, expiresAt: 0n });
    assert.deepEqual(
      sent.map(({ args }) => args),
      [
        [agent.address, 5n, 2_001n],
        [agent.address, 0n, 0n],
      ],
    );
  });
});
