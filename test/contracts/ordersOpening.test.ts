import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  concatHex,
  getAddress,
  type Hex,
  hexToBigInt,
  keccak256,
  numberToHex,
  parseEventLogs,
  stringToHex,
} from "viem";
import { storageOrdersAbi } from "../../protocol/abi/generated/StorageOrders.ts";
import { type Order, orderId } from "../../protocol/order.ts";
import { rejectsWith, testAccount } from "../support/contracts/chain.ts";
import { artifactAbi } from "../support/contracts/factory.ts";
import { createGroup, type Group, TOKENS } from "../support/contracts/group.ts";
import { compact, signOrder, signOrderAll } from "../support/contracts/signing.ts";

const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const PRICE_TOO_LOW = (100n << 32n) - 1n;

let group: Group;
before(async () => {
  group = await createGroup({ providers: 9 });
  await group.onOrders("deposit", [100_000n * TOKENS]);
});
after(() => group.chain.close());

const named = (name: string): Hex => keccak256(stringToHex(name));
const accounts = (order: Order) => order.providers.map((id) => testAccount(2 + id));

test("an order with every signature opens, escrows its cost and locks collateral", async () => {
  const order = await group.order({ salt: named("opens") });
  const before = await group.read.orders<bigint>("balanceOf", [order.payer]);
  const locked = (await group.read.staking<{ locked: bigint }>("provider", [1])).locked;
  const receipt = await group.open(order);
  const id = orderId(order);

  const epochs = 10n;
  const pay = (order.price * BigInt(order.stripes) * epochs) >> 32n;
  const total = 9n * pay + (9n * pay * 4n) / 100n + (9n * pay) / 100n;
  const cost = await group.read.orders<Record<string, bigint>>("cost", [order]);
  assert.deepEqual(cost, {
    providers: 9n * pay,
    keepers: (9n * pay * 4n) / 100n,
    treasury: (9n * pay) / 100n,
    total,
  });
  assert.equal(before - (await group.read.orders<bigint>("balanceOf", [order.payer])), total);
  assert.deepEqual(await group.read.orders("orderState", [id]), {
    status: 1,
    settledTo: order.startEpoch,
    endEpoch: order.endEpoch,
    escrow: total,
    evicted: 0,
    uneven: false,
    changed: false,
    announced: false,
  });
  const collateral = group.parameters.collateralPerShard * BigInt(order.stripes);
  assert.equal((await group.read.staking<{ locked: bigint }>("provider", [1])).locked - locked, collateral);
  const [opened] = parseEventLogs({ abi: storageOrdersAbi, eventName: "OrderOpened", logs: receipt.logs });
  assert.equal(opened!.args.orderId, id);
  assert.equal(opened!.args.sequence, 1n);
  assert.deepEqual(opened!.args.order, order);
  assert.equal(await group.read.orders("sequence"), 1n);
  assert.equal(await group.read.orders("activeShards"), 27n);
});

test("the same order opens only once, even after it was closed", async () => {
  const order = await group.order({ salt: named("once") });
  await group.open(order);
  await rejectsWith(group.open(order), "OrderAlreadyOpened", [orderId(order)]);
});

test("provider signatures that are missing, surplus, doubled, swapped, foreign or of another order are refused", async () => {
  const order = await group.order({ salt: named("signatures") });
  const all = accounts(order);
  const sign = (signers: typeof all, signed = order) => signOrderAll(group.place, signed, signers);
  const cases: [string, Hex, string][] = [
    ["missing", await sign(all.slice(1)), "ProviderSignaturesLength"],
    ["surplus", await sign([...all, all[0]!]), "ProviderSignaturesLength"],
    ["none", "0x", "ProviderSignaturesLength"],
    ["doubled", await sign([all[0]!, ...all.slice(0, 8)]), "ProviderSignatureInvalid"],
    ["swapped", await sign([all[1]!, all[0]!, ...all.slice(2)]), "ProviderSignatureInvalid"],
    ["foreign", await sign([...all.slice(0, 8), testAccount(50)]), "ProviderSignatureInvalid"],
    ["of another order", await sign(all, { ...order, salt: named("x") }), "ProviderSignatureInvalid"],
    ["zero", `0x${"00".repeat(64 * 9)}`, "ProviderSignatureInvalid"],
  ];
  for (const [name, providers, error] of cases) {
    await rejectsWith(group.open(order, { providers }), error).catch((cause) => {
      throw new Error(name, { cause });
    });
  }
});

test("the malleable twin of a signature is refused", async () => {
  const order = await group.order({ salt: named("malleable") });
  const all = await signOrderAll(group.place, order, accounts(order));
  const signature = await signOrder(group.place, order, accounts(order)[0]!);
  const s = CURVE_ORDER - hexToBigInt(`0x${signature.slice(66, 130)}`);
  // The twin's s has its top bit set, where EIP-2098 keeps the parity: it cannot even be written down.
  const twin = concatHex([`0x${signature.slice(2, 66)}`, numberToHex(s, { size: 32 })]);
  await rejectsWith(
    group.open(order, { providers: concatHex([twin, `0x${all.slice(130)}`]) }),
    "ProviderSignatureInvalid",
  );
  const payer = await signOrder(group.place, order, group.user);
  const flipped = payer.slice(130) === "1b" ? "1c" : "1b";
  const payerTwin =
    `${payer.slice(0, 66)}${numberToHex(CURVE_ORDER - hexToBigInt(`0x${payer.slice(66, 130)}`), { size: 32 }).slice(2)}${flipped}` as Hex;
  await rejectsWith(group.open(order, { payer: payerTwin }), "PayerSignatureInvalid");
});

test("the payer's signature has to be the payer's, of 65 or 64 bytes", async () => {
  const order = await group.order({ salt: named("payer") });
  const foreign = await signOrder(group.place, order, group.owner);
  await rejectsWith(group.open(order, { payer: foreign }), "PayerSignatureInvalid", [group.user.address]);
  await rejectsWith(group.open(order, { payer: "0x" }), "PayerSignatureInvalid");
  const otherChain = await signOrder({ ...group.place, chainId: 1 }, order, group.user);
  await rejectsWith(group.open(order, { payer: otherChain }), "PayerSignatureInvalid");
  const otherVerifier = await signOrder({ ...group.place, orders: group.staking }, order, group.user);
  await rejectsWith(group.open(order, { payer: otherVerifier }), "PayerSignatureInvalid");
  await group.open(order, { payer: compact(await signOrder(group.place, order, group.user)) });
});

test("a contract pays with ERC-1271, and only for what it approved", async () => {
  const wallet = await group.chain.deploy("ContractWallet");
  const abi = await artifactAbi("ContractWallet");
  await group.onOrders("depositFor", [wallet, 1000n * TOKENS]);
  const order = await group.order({ payer: wallet, salt: named("wallet") });
  await rejectsWith(group.open(order, { payer: "0x1234" }), "PayerSignatureInvalid", [getAddress(wallet)]);
  const digest = await group.read.orders<Hex>("orderDigest", [order]);
  await group.chain.send({ address: wallet, abi, functionName: "approveDigest", args: [digest] });
  await group.open(order, { payer: "0x1234" });
  assert.equal((await group.read.orders<{ status: number }>("orderState", [orderId(order)])).status, 1);
});

test("an order opens before openBy, which is not after its start", async () => {
  const now = await group.chain.time();
  const start = (await group.read.settlement<number>("epochNow")) + 2;
  await rejectsWith(
    group.open(await group.order({ startEpoch: start, openBy: BigInt(now) })),
    "OpenByInvalid",
  );
  const late = await group.order({ startEpoch: start, openBy: BigInt(group.startOf(start)) + 1n });
  await rejectsWith(group.open(late), "OpenByInvalid");
  const past = await group.order({ startEpoch: Math.max(1, start - 2), openBy: BigInt(now + 1000) });
  await rejectsWith(group.open(past), "OpenByInvalid");
});

test("an order that is not sound is refused by name", async () => {
  const cases: [Partial<Order>, string][] = [
    [{ group: testAccount(9).address }, "OrderOfOtherGroup"],
    [{ owner: `0x${"00".repeat(20)}` }, "OwnerMissing"],
    [{ payer: `0x${"00".repeat(20)}` }, "PayerMissing"],
    [{ shardRoot: `0x${"00".repeat(32)}` }, "ShardRootMissing"],
    [{ stripes: 0 }, "StripesZero"],
    [{ providers: [1, 2, 3, 4, 5, 6, 7, 8, 1] }, "ProviderRepeated"],
    [{ providers: [1, 2, 3, 4, 5, 6, 7, 8] }, "PolicyInvalid"],
    [{ providers: [] }, "PolicyInvalid"],
    [{ policy: (1 << 16) | (9 << 8) }, "PolicyInvalid"],
    [{ policy: (1 << 16) | 9 }, "PolicyInvalid"],
    [{ policy: (2 << 16) | (6 << 8) | 3 }, "PolicyInvalid"],
    [{ policy: (3 << 16) | (6 << 8) | 3 }, "PolicyInvalid"],
    [
      { providers: Array.from({ length: 33 }, (_, i) => i + 1), policy: (1 << 16) | (30 << 8) | 3 },
      "PolicyInvalid",
    ],
    [{ layout: 1 }, "LayoutInvalid"],
    [{ layout: 2, policy: (2 << 16) | (1 << 8) | 8 }, "LayoutInvalid"],
    [{ price: PRICE_TOO_LOW }, "PriceTooLow"],
    [{ manifest: { firstStripe: 2, stripes: 2, length: 1n, digest: named("m") } }, "ManifestOutsideStripes"],
    [{ manifest: { firstStripe: 0, stripes: 1, length: 0n, digest: named("m") } }, "ManifestOutsideStripes"],
    [{ manifest: { firstStripe: 0, stripes: 0, length: 0n, digest: named("m") } }, "ManifestOutsideStripes"],
    [
      { manifest: { firstStripe: 2 ** 32 - 1, stripes: 1, length: 1n, digest: named("m") } },
      "ManifestOutsideStripes",
    ],
    [{ startEpoch: 0, endEpoch: 10 }, "EpochsInvalid"],
    [{ startEpoch: 9, endEpoch: 9 }, "EpochsInvalid"],
    [{ startEpoch: 9, endEpoch: 9 + 16_385 }, "EpochsInvalid"],
    [{ minEpochs: 11 }, "EpochsInvalid"],
    [{ providers: [1, 2, 3, 4, 5, 6, 7, 8, 99] }, "ProviderUnknown"],
    [{ stripes: 2 ** 31 }, "BalanceTooLow"],
    [{ payer: testAccount(60).address }, "BalanceTooLow"],
  ];
  for (const [overrides, error] of cases) {
    const order = await group.order({ salt: named("unsound"), ...overrides });
    await rejectsWith(group.open(order), error);
  }
});

test("providers 257 ids apart are not taken for the same", async () => {
  const two = { providers: [1, 257], policy: (1 << 16) | (1 << 8) | 1 };
  await rejectsWith(group.open(await group.order(two)), "ProviderUnknown");
  const repeated = { providers: [257, 1, 257], policy: (1 << 16) | (2 << 8) | 1 };
  await rejectsWith(group.open(await group.order(repeated)), "ProviderRepeated");
});

test("a blob order of copies opens, without a manifest", async () => {
  const manifest = { firstStripe: 0, stripes: 0, length: 0n, digest: `0x${"00".repeat(32)}` as Hex };
  const copies = { providers: [1, 2, 3], policy: (2 << 16) | (1 << 8) | 2, layout: 1, manifest };
  await group.open(await group.order({ ...copies, salt: named("blob") }));
});

test("stake that is locked cannot back another slot, nor leave", async () => {
  const { stake, locked } = await group.read.staking<{ stake: bigint; locked: bigint }>("provider", [1]);
  const stripes = Number((stake - locked) / group.parameters.collateralPerShard) + 1;
  const order = await group.order({ stripes, price: 100n << 32n, salt: named("stake") });
  await rejectsWith(group.open(order), "StakeNotFree");
  await rejectsWith(group.onStaking("requestUnbonding", [0, 1, stake]), "StakeNotFree");
});

test("without a roster no order opens", async () => {
  const bare = await createGroup({ keepers: 3, providers: 2, rotate: false });
  await bare.onOrders("deposit", [1000n * TOKENS]);
  const order = await bare.order({ policy: (1 << 16) | (1 << 8) | 1 });
  await rejectsWith(bare.open(order), "NoRosterInForce", [0]);
  await bare.chain.close();
});
