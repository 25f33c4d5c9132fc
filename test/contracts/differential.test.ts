import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import {
  type Abi,
  type Address,
  bytesToHex,
  type Hex,
  hashTypedData,
  hexToBytes,
  keccak256,
  toHex,
} from "viem";
import { ALLOWANCE_TYPES, allowancesDomain } from "../../protocol/allowance.ts";
import { COMMIT_TYPES, settlementDomain } from "../../protocol/certificate.ts";
import { appealDraw, appealPoint, drawnShards } from "../../protocol/disputes/draw.ts";
import { rangeProof, verifyRangeProof } from "../../protocol/merkle/rangeProof.ts";
import {
  orderTree,
  shardProof,
  shardRoot,
  slotRoot,
  verifyShardProof,
} from "../../protocol/merkle/slotRoot.ts";
import { buildTree, treeRoot } from "../../protocol/merkle/tree.ts";
import { ORDER_TYPES, ordersDomain } from "../../protocol/order.ts";
import { createTestChain, rejectsWith, type TestChain } from "../support/contracts/chain.ts";
import { artifactAbi } from "../support/contracts/factory.ts";

/*
 * What protocol/ and the contracts both compute, on random inputs. The seed is printed; MEMO_SEED=… repeats a run.
 * Sampling has no Solidity side; slots that change hands, settled in random pages: slots.test.ts.
 */
const seed = Number(process.env.MEMO_SEED ?? 20_261_120);
const runs = (numRuns: number) => ({ seed, numRuns });

let chain: TestChain;
let harness: Address;
let abi: Abi;
const call = async <T>(name: string, ...args: readonly unknown[]) =>
  await chain.read<T>(harness, abi, name, args);

before(async () => {
  console.log(`seed ${seed}`);
  chain = await createTestChain();
  harness = await chain.deploy("LibraryHarness");
  abi = await artifactAbi("LibraryHarness");
});
after(() => chain.close());

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytesToHex);
const address = fc.uint8Array({ minLength: 20, maxLength: 20 }).map((bytes) => bytesToHex(bytes) as Address);
const uint = (bits: bigint) => fc.bigInt({ min: 0n, max: 2n ** bits - 1n });
const uint32 = fc.nat({ max: 2 ** 32 - 1 });
const uint8 = fc.nat({ max: 255 });

/** Commitments that nobody made; trees do not care. */
const commitment = (salt: Hex, slot: number, stripe: number) =>
  hexToBytes(
    keccak256(`${salt}${toHex(slot * 2 ** 16 + stripe, { size: 4 }).slice(2)}`).padEnd(98, "7") as Hex,
  );

test("roots of orders and the paths to each shard", async () => {
  const place = fc.record({
    salt: hash,
    slots: fc.integer({ min: 1, max: 12 }),
    stripes: fc.integer({ min: 1, max: 20 }),
    at: uint32,
  });
  await fc.assert(
    fc.asyncProperty(place, async ({ salt, slots, stripes, at }) => {
      const commitments = Array.from({ length: slots }, (_, slot) =>
        Array.from({ length: stripes }, (_, stripe) => commitment(salt, slot, stripe)),
      );
      const [slot, stripe] = [at % slots, Math.floor(at / slots) % stripes];
      const tree = orderTree(commitments);
      const root = treeRoot(tree.top);
      const mine = commitments[slot]!.map((bytes) => bytesToHex(bytes));
      assert.equal(await call("slotRoot", mine), slotRoot(commitments[slot]!));
      assert.equal(
        await call(
          "shardRoot",
          commitments.map((it) => slotRoot(it)),
        ),
        root,
      );
      assert.equal(shardRoot(commitments.map((it) => slotRoot(it))), root);
      const { stripePath, slotPath } = shardProof(tree, slot, stripe);
      const claim = {
        slotRoot: slotRoot(commitments[slot]!),
        root,
        slots,
        stripes,
        slot,
        stripe,
        commitment: commitments[slot]![stripe]!,
        proof: { stripePath, slotPath },
      };
      assert.ok(verifyShardProof(claim));
      assert.equal(await call("rootOfShard", mine[stripe], stripe, stripePath, slot, slotPath), root);
    }),
    runs(25),
  );
});

test("no path but a shard's own leads to the root: another length, order, sibling, index or leaf", async () => {
  const infinity: Hex = `0xc0${"00".repeat(47)}`;
  const field = fc.constantFrom("stripePath", "slotPath");
  const change = fc.constantFrom(
    "drop",
    "add zero",
    "add sibling",
    "swap",
    "zero",
    "empty leaf",
    "index",
    "wrap",
    "node",
  );
  const input = fc.record({
    slots: fc.integer({ min: 1, max: 9 }),
    stripes: fc.integer({ min: 1, max: 9 }),
    at: uint32,
    field,
    change,
  });
  await fc.assert(
    fc.asyncProperty(input, async ({ slots, stripes, at, field: which, change: how }) => {
      const zeros = Array.from({ length: slots }, () =>
        Array.from({ length: stripes }, () => hexToBytes(infinity)),
      );
      const tree = orderTree(zeros);
      const [slot, stripe] = [at % slots, Math.floor(at / slots) % stripes];
      const paths = shardProof(tree, slot, stripe);
      const order = {
        ...emptyOrder,
        shardRoot: treeRoot(tree.top),
        stripes,
        providers: Array.from({ length: slots }, (_, i) => i + 1),
      };
      const right = {
        order,
        slot,
        stripe,
        commitment: infinity,
        ...paths,
        y: toHex(0, { size: 32 }),
        proof: infinity,
      };
      const id = toHex(1, { size: 32 });
      // Every shard is zero everywhere, so that the right paths are a right answer.
      await call("checkAnswer", right, id, 7n);
      const path = [...paths[which as "stripePath"]];
      const size = 2 ** path.length;
      const wrong: Record<string, object | undefined> = {
        drop: path.length > 0 ? { [which]: path.slice(1) } : undefined,
        "add zero": { [which]: [...path, toHex(0, { size: 32 })] },
        "add sibling": { [which]: [...path, path[0] ?? keccak256("0x02")] },
        swap:
          path.length > 1 && path[0] !== path[1]
            ? { [which]: [path[1]!, path[0]!, ...path.slice(2)] }
            : undefined,
        zero: path.length > 0 ? { [which]: [toHex(0, { size: 32 }), ...path.slice(1)] } : undefined,
        "empty leaf":
          path.length > 0 && path[0] !== keccak256("0x02")
            ? { [which]: [keccak256("0x02"), ...path.slice(1)] }
            : undefined,
        index: which === "slotPath" ? { slot: slot + 1 } : { stripe: stripe + 1 },
        wrap: which === "slotPath" ? { slot: slot + size } : { stripe: stripe + size },
        // A node of the tree as if it were the root of a slot one level up.
        node: path.length > 0 ? { [which]: path.slice(0, -1) } : undefined,
      };
      if (wrong[how] === undefined) return;
      await rejectsWith(call("checkAnswer", { ...right, ...wrong[how] }, id, 7n), "CommitmentWrong");
    }),
    runs(60),
  );
});

test("range proofs", async () => {
  const input = fc.record({
    salt: hash,
    count: fc.integer({ min: 1, max: 150 }),
    from: uint32,
    length: uint32,
  });
  await fc.assert(
    fc.asyncProperty(input, async ({ salt, count, from: at, length: more }) => {
      const leaves = Array.from({ length: count }, (_, index) =>
        hexToBytes(keccak256(`${salt}${toHex(index, { size: 4 }).slice(2)}`)),
      );
      const tree = buildTree(leaves);
      const from = at % count;
      const length = 1 + (more % (count - from));
      const hashes = leaves.slice(from, from + length).map((leaf) => bytesToHex(leaf));
      const proof = rangeProof(tree, from, length);
      const root = treeRoot(tree);
      assert.equal(await call("rangeRoot", hashes, BigInt(from), BigInt(count), proof), root);
      assert.ok(
        verifyRangeProof({ root, count, from, leaves: leaves.slice(from, from + length), proof } as never),
      );
    }),
    runs(40),
  );
});

test("what an appeal draws, and the points at which it opens", async () => {
  const entry = fc.record({ stripes: fc.integer({ min: 1, max: 2 ** 32 - 1 }), stripe: uint32 });
  const few = fc.record({ stripes: fc.integer({ min: 1, max: 3 }), stripe: uint32 });
  const entries = fc.oneof(
    fc.array(entry, { minLength: 1, maxLength: 64 }),
    fc.array(few, { minLength: 1, maxLength: 4 }),
  );
  const input = fc.record({
    epochDraw: hash,
    provider: uint32,
    part: uint32,
    entries,
    orderId: hash,
    slot: uint8,
  });
  await fc.assert(
    fc.asyncProperty(input, async ({ epochDraw, provider, part, entries: given, orderId, slot }) => {
      const draw = appealDraw(epochDraw, provider, part);
      assert.equal(await call("recordDraw", epochDraw, provider, part), draw);
      const kept = given.map(({ stripe, stripes }) => ({
        orderId,
        slot,
        stripe: stripe % stripes,
        since: 0,
        until: 1,
        stripes,
      }));
      assert.deepEqual(await call("drawnShards", draw, kept), drawnShards(draw, kept));
      const stripe = kept[0]!.stripe;
      const point = appealPoint({ chainId: chain.chainId, disputes: harness, draw, orderId, slot, stripe });
      assert.equal(await call("appealPoint", draw, orderId, slot, stripe), point);
    }),
    runs(40),
  );
});

const emptyOrder = {
  ...{ group: `0x${"11".repeat(20)}`, owner: `0x${"22".repeat(20)}`, payer: `0x${"33".repeat(20)}` },
  ...{ policy: 65537, layout: 0, startEpoch: 1, endEpoch: 2, price: 1n, minEpochs: 0, openBy: 1n },
  manifest: { firstStripe: 0, stripes: 0, length: 0n, digest: toHex(0, { size: 32 }) },
  salt: toHex(0, { size: 32 }),
};

test("digests of orders, commits, agents' approvals, renewals and vouchers", async () => {
  const order = fc.record({
    ...{
      group: address,
      owner: address,
      payer: address,
      providers: fc.array(uint32, { maxLength: 32 }),
      shardRoot: hash,
    },
    ...{
      stripes: uint32,
      policy: uint32,
      layout: uint8,
      startEpoch: uint32,
      endEpoch: uint32,
      price: uint(128n),
    },
    ...{ minEpochs: uint32, openBy: uint(64n), salt: hash },
    manifest: fc.record({ firstStripe: uint32, stripes: uint32, length: uint(64n), digest: hash }),
  });
  const certificate = fc.record({
    ...{ term: uint32, epoch: uint32, round: uint32, resultsRoot: hash, exceptionsRoot: hash },
    ...{ exceptions: uint32, absent: uint32, leader: uint8 },
  });
  const approval = fc.record({
    payer: address,
    agent: address,
    budget: uint(128n),
    expiresAt: uint(64n),
    nonce: uint(256n),
    deadline: uint(64n),
  });
  const renewal = fc.record({
    ...{
      payer: address,
      orderId: hash,
      maxPrice: uint(128n),
      epochs: uint32,
      times: fc.nat({ max: 65_535 }),
    },
    ...{ nonce: uint(256n), deadline: uint(64n) },
  });
  const voucher = fc.record({
    payer: address,
    providerId: uint32,
    channel: uint(64n),
    total: uint(128n),
    expiresAt: uint(64n),
  });
  const all = fc.record({
    order,
    certificate,
    approval,
    renewal,
    voucher,
    chainId: uint32,
    contract: address,
  });
  await fc.assert(
    fc.asyncProperty(all, async ({ chainId, contract, ...it }) => {
      const check = async (name: string, structHash: Hex, digest: Hex) =>
        assert.equal(await call("typedDigest", name, chainId, contract, structHash), digest, name);
      await check(
        "memo StorageOrders",
        await call<Hex>("orderId", it.order),
        hashTypedData({
          domain: ordersDomain(chainId, contract),
          types: ORDER_TYPES,
          primaryType: "Order",
          message: it.order,
        }),
      );
      await check(
        "memo ChallengeSettlement",
        await call<Hex>("commitHash", it.certificate, contract),
        hashTypedData({
          ...{
            domain: settlementDomain(chainId, contract),
            types: COMMIT_TYPES,
            primaryType: "Commit" as const,
          },
          message: { group: contract, ...it.certificate },
        }),
      );
      const domain = allowancesDomain(chainId, contract);
      await check(
        "memo Allowances",
        await call<Hex>("agentHash", ...Object.values(it.approval)),
        hashTypedData({ domain, types: ALLOWANCE_TYPES, primaryType: "ApproveAgent", message: it.approval }),
      );
      await check(
        "memo Allowances",
        await call<Hex>("renewalHash", ...Object.values(it.renewal)),
        hashTypedData({ domain, types: ALLOWANCE_TYPES, primaryType: "SetRenewal", message: it.renewal }),
      );
      await check(
        "memo Allowances",
        await call<Hex>("voucherHash", it.voucher),
        hashTypedData({ domain, types: ALLOWANCE_TYPES, primaryType: "Voucher", message: it.voucher }),
      );
    }),
    runs(25),
  );
});

test("amounts of pay, shares of a pool and of slashed collateral, in whole numbers", async () => {
  const input = fc.record({
    rate: uint(160n),
    slots: fc.integer({ min: 1, max: 32 }),
    epochs: uint32,
    cut: uint32,
  });
  await fc.assert(
    fc.asyncProperty(input, async ({ rate, slots, epochs, cut }) => {
      const [provider, keepers, treasury] = await call<[bigint, bigint, bigint]>(
        "pay",
        rate,
        BigInt(slots),
        BigInt(epochs),
      );
      const all = rate * BigInt(slots) * BigInt(epochs);
      assert.equal(provider, (rate * BigInt(epochs)) >> 32n);
      assert.equal(keepers, (all * 4n) / (100n << 32n));
      assert.equal(treasury, all / (100n << 32n));
      // Many small settlements never come to more than one large one.
      const [first] = await call<[bigint]>("pay", rate, BigInt(slots), BigInt(cut % (epochs + 1)));
      const [rest] = await call<[bigint]>("pay", rate, BigInt(slots), BigInt(epochs - (cut % (epochs + 1))));
      assert.ok(first + rest <= provider && provider - first - rest <= 1n);
    }),
    runs(40),
  );
  const slashed = fc.record({
    collateral: uint(96n),
    settled: uint(128n),
    bonus: uint(128n),
    challenged: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(slashed, async ({ collateral, settled, bonus, challenged }) => {
      const min = (a: bigint, b: bigint) => (a < b ? a : b);
      const fifth = (collateral * 20n) / 100n;
      const toPayer = min(settled, collateral - fifth);
      const toPot = min(bonus, collateral - fifth - toPayer);
      const toChallenger = challenged ? fifth / 2n : 0n;
      const toTreasury = collateral - toPayer - toPot - toChallenger;
      assert.deepEqual(await call("waterfall", collateral, settled, bonus, challenged), {
        ...{ toPayer, toPot, toTreasury, toChallenger },
      });
    }),
    runs(40),
  );
});
