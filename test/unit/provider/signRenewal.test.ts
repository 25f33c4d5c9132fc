import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import {
  compactSignatureToSignature,
  type Hex,
  parseCompactSignature,
  recoverTypedDataAddress,
  serializeSignature,
  zeroHash,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { ORDER_TYPES, type Order, orderId, ordersDomain } from "../../../protocol/order.ts";
import { sweepStore } from "../../../provider/store/sweep.ts";
import { createRangeLock } from "../../../provider/upload/rangeLock.ts";
import { createSignRenewal } from "../../../provider/upload/signRenewal.ts";
import {
  createFakeChain,
  hash,
  makeDirectory,
  makeOrder,
  makeShard,
  makeUpload,
  openStore,
  operatorAccount,
  ownerAccount,
  STORAGE_ORDERS,
} from "./support.ts";

const agent = privateKeyToAccount(hash("agent"));
const typed = {
  domain: ordersDomain(31337, STORAGE_ORDERS),
  types: ORDER_TYPES,
  primaryType: "Order",
} as const;
const former = makeOrder();
const from = orderId(former);

function continuation(change: Partial<Order> = {}): Order {
  return { ...former, startEpoch: 30, endEpoch: 40, openBy: 2_900n, salt: hash("next"), ...change };
}

/** Provider 7 with slot 1 of an open order in its last epochs. */
async function startHolding(t: TestContext) {
  const store = await openStore(makeDirectory(t));
  t.after(() => store.close());
  const { chain, fake } = createFakeChain();
  fake.time = 2_800;
  const upload = makeUpload();
  store.uploads.insert(upload);
  for (const stripe of [0, 1]) await store.shards.write(upload.id, stripe, makeShard(stripe));
  store.orders.insert({
    id: from,
    uploadId: upload.id,
    slot: 1,
    order: former,
    signature: new Uint8Array(64),
  });
  store.orders.markOpened(from, 1);
  fake.orders.set(from, { order: former, endEpoch: 30 });
  const limits = { reservationSeconds: 5_000, stripes: 1_000 };
  const sign = createSignRenewal({ store, chain, lock: createRangeLock(), account: operatorAccount, limits });
  const consentOf = async (account: typeof agent, order: Order) => ({
    signer: account.address,
    signature: await account.signTypedData({ ...typed, message: order }),
  });
  const renew = async (order = continuation()) =>
    sign({ former: from, order, consent: await consentOf(ownerAccount, order) });
  return { store, chain, fake, upload, sign, consentOf, renew };
}

describe("an order that goes on", () => {
  it("is signed without any upload, for the shards that are here", async (t) => {
    const { store, upload, renew } = await startHolding(t);
    const next = continuation();
    const { signature } = await renew(next);
    const full = serializeSignature(compactSignatureToSignature(parseCompactSignature(signature)));
    assert.equal(
      await recoverTypedDataAddress({ ...typed, message: next, signature: full }),
      operatorAccount.address,
    );
    const held = store.orders.get(orderId(next), 1)!;
    assert.deepEqual([held.uploadId, held.opened, held.order], [upload.id, false, next]);
    assert.equal(store.uploads.ids().length, 1, "no bytes beside");
    assert.equal((await renew(next)).signature, signature, "the same again");
  });

  it("keeps the shards until neither order needs them", async (t) => {
    const { store, chain, fake, upload, renew } = await startHolding(t);
    const next = continuation();
    await renew(next);
    fake.orders.set(orderId(next), { order: next, endEpoch: 40 });
    fake.time = 3_500;
    await sweepStore({ store, chain, all: true });
    assert.equal(store.orders.get(from, 1), undefined, "the former order is over");
    assert.equal(await store.shards.has(upload.id, 0), true);
    fake.time = 4_499;
    await sweepStore({ store, chain, all: true });
    assert.equal(await store.shards.has(upload.id, 0), true);
    fake.time = 4_500;
    await sweepStore({ store, chain, all: true });
    assert.equal(await store.shards.has(upload.id, 0), false);
  });

  it("that nobody opens is forgotten, and costs the former order nothing", async (t) => {
    const { store, chain, fake, upload, renew } = await startHolding(t);
    const next = continuation();
    await renew(next);
    fake.time = 2_900;
    await sweepStore({ store, chain, all: true });
    assert.equal(store.orders.get(orderId(next), 1), undefined);
    assert.notEqual(store.orders.get(from, 1), undefined);
    assert.equal(await store.shards.has(upload.id, 1), true);
  });

  const others: [string, Partial<Order>, string][] = [
    ["of another content", { shardRoot: hash("other") }, "RENEWAL_DIFFERS"],
    ["of another owner", { owner: agent.address }, "RENEWAL_DIFFERS"],
    ["of another group", { group: agent.address }, "RENEWAL_DIFFERS"],
    ["with fewer stripes", { stripes: 1 }, "RENEWAL_DIFFERS"],
    ["under another policy", { policy: (2 << 16) | (1 << 8) | 2 }, "RENEWAL_DIFFERS"],
    ["with its manifest elsewhere", { manifest: { ...former.manifest, length: 11n } }, "RENEWAL_DIFFERS"],
    ["with a provider twice", { providers: [3, 7, 3] }, "RENEWAL_DIFFERS"],
    ["with a slot too many", { providers: [3, 7, 9, 4] }, "RENEWAL_DIFFERS"],
    ["in which this provider has another slot", { providers: [7, 3, 9] }, "RENEWAL_UNKNOWN"],
    ["for too little", { price: 99n }, "PRICE_TOO_LOW"],
    ["that would be paid longer than it lasts", { minEpochs: 11 }, "EPOCHS_INVALID"],
    ["that could not open any more", { openBy: 2_800n }, "OPEN_BY_INVALID"],
  ];
  for (const [what, change, code] of others) {
    it(`is not one ${what}`, async (t) => {
      const { renew, store } = await startHolding(t);
      await assert.rejects(renew(continuation(change)), { code });
      assert.equal(store.orders.list().length, 1);
    });
  }

  it("is not one whose former order is not open", async (t) => {
    const { renew, fake } = await startHolding(t);
    fake.orders.clear();
    await assert.rejects(renew(), { code: "RENEWAL_UNKNOWN" });
  });

  it("is not promised while a shard is gone, stake is missing, or this provider is jailed", async (t) => {
    const { renew, fake, store, upload } = await startHolding(t);
    fake.freeStake = 19n;
    await assert.rejects(renew(), { code: "STAKE_TOO_LOW" });
    fake.freeStake = 20n;
    fake.jailedUntil = 29;
    await assert.rejects(renew(), { code: "PROVIDER_JAILED" });
    fake.jailedUntil = 0;
    await store.shards.trim(upload.id, 1);
    await assert.rejects(renew(), { code: "RENEWAL_SHARDS_MISSING" });
    await store.shards.write(upload.id, 1, makeShard(1));
    await renew();
  });

  it("waits for others of its slot that are signed and not open", async (t) => {
    const { renew, fake, store } = await startHolding(t);
    const all = ["a", "b", "c", "d"].map((salt) => continuation({ salt: hash(salt) }));
    for (const next of all.slice(0, 3)) await renew(next);
    await assert.rejects(renew(all[3]), { code: "RENEWALS_WAITING" });
    const opened = all[0]!;
    fake.orders.set(orderId(opened), { order: opened, endEpoch: 40 });
    store.orders.markOpened(orderId(opened), 1);
    await renew(all[3]);
  });
});

describe("who consents to an order that goes on", () => {
  const refused = { code: "RENEWAL_NOT_ALLOWED" };

  it("is its payer, whoever paid before, and nobody in its place", async (t) => {
    const { sign, consentOf } = await startHolding(t);
    const next = continuation({ payer: agent.address });
    await assert.rejects(
      sign({ former: from, order: next, consent: await consentOf(ownerAccount, next) }),
      refused,
    );
    const foreign = { signer: agent.address, signature: (await consentOf(ownerAccount, next)).signature };
    await assert.rejects(sign({ former: from, order: next, consent: foreign }), refused);
    const other = await consentOf(agent, { ...next, salt: zeroHash });
    await assert.rejects(sign({ former: from, order: next, consent: other }), refused);
    await sign({ former: from, order: next, consent: await consentOf(agent, next) });
  });

  it("may be an agent of its payer, with a budget for all of it", async (t) => {
    const { sign, consentOf, fake } = await startHolding(t);
    const next = continuation();
    const consent = await consentOf(agent, next);
    fake.agentBudget = 199n;
    await assert.rejects(sign({ former: from, order: next, consent }), refused);
    fake.agentBudget = 200n;
    await sign({ former: from, order: next, consent });
  });

  const terms = { payer: ownerAccount.address, orderId: from, maxPrice: 200n, epochs: 10, left: 1 };
  const cases: [string, Partial<Order>, Partial<typeof terms> | undefined][] = [
    ["has set no terms", {}, undefined],
    ["allows a lower price only", {}, { maxPrice: 199n }],
    ["allows another length only", {}, { epochs: 11 }],
    ["is not asked to pay", { payer: agent.address }, {}],
    ["would pay for a gap", { startEpoch: 31, endEpoch: 41 }, {}],
    ["would pay longer after an early end", { minEpochs: 2 }, {}],
  ];
  for (const [why, change, set] of cases) {
    it(`is no payer that ${why}`, async (t) => {
      const { sign, fake } = await startHolding(t);
      if (set !== undefined) fake.renewals.set(from, { ...terms, ...set });
      await assert.rejects(sign({ former: from, order: continuation(change) }), refused);
    });
  }

  it("is a payer that has set terms on chain, without a further word", async (t) => {
    const { sign, fake } = await startHolding(t);
    fake.renewals.set(from, terms);
    const { signature } = await sign({ former: from, order: continuation() });
    assert.equal((signature as Hex).length, 130);
  });
});
