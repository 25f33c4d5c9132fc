import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { type Abi, type Address, encodeFunctionData, type Hex, hexToBytes } from "viem";
import { createTestChain, rejectsWith, type TestChain } from "../support/contracts/chain.ts";
import { artifactAbi } from "../support/contracts/factory.ts";

/* The contracts reproduce the golden vectors that the TypeScript of protocol/ is tested against. */

type Json = Record<string, unknown>;
const vectors = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), "utf8")) as T;

let chain: TestChain;
let harness: Address;
let abi: Abi;
const call = async <T>(name: string, ...args: readonly unknown[]) =>
  await chain.read<T>(harness, abi, name, args);

before(async () => {
  chain = await createTestChain();
  harness = await chain.deploy("LibraryHarness");
  abi = await artifactAbi("LibraryHarness");
});
after(() => chain.close());

test("slot roots, shard roots and paths are those of protocol/merkle", async () => {
  type Case = {
    commitments: Hex[][];
    slotRoots: Hex[];
    shardRoot: Hex;
    proofs: { slot: number; stripe: number; stripePath: Hex[]; slotPath: Hex[] }[];
  };
  for (const vector of vectors<Case[]>("merkle")) {
    for (const [slot, commitments] of vector.commitments.entries()) {
      assert.equal(await call("slotRoot", commitments), vector.slotRoots[slot]);
    }
    assert.equal(await call("shardRoot", vector.slotRoots), vector.shardRoot);
    for (const { slot, stripe, stripePath, slotPath } of vector.proofs) {
      const commitment = vector.commitments[slot]![stripe];
      assert.equal(
        await call("rootOfShard", commitment, stripe, stripePath, slot, slotPath),
        vector.shardRoot,
      );
    }
  }
});

test("exception leaves and range proofs are those of protocol/merkle", async () => {
  type Case = {
    count: number;
    leaves: Json[];
    leafHashes: Hex[];
    root: Hex;
    chunks: { from: number; length: number; proof: Hex[] }[];
  };
  for (const { count, leaves, leafHashes, root, chunks } of vectors<Case[]>("rangeProof")) {
    assert.equal(await call("exceptionLeaf", count - 1, leaves[count - 1]), leafHashes[count - 1]);
    for (const { from, length, proof } of chunks) {
      const hashes = leafHashes.slice(from, from + length);
      assert.equal(await call("rangeRoot", hashes, from, count, proof), root);
      if (from > 0 && length < count) {
        assert.notEqual(await call("rangeRoot", [...hashes].fill(root), from, count, proof), root);
      }
      await rejectsWith(call("rangeRoot", hashes, from, count, [...proof, root]), "RangeProofLength");
      if (proof.length > 0) {
        await rejectsWith(call("rangeRoot", hashes, from, count, proof.slice(1)), "RangeProofLength");
      }
    }
  }
});

test("what payers sign for others has the EIP-712 hashes of protocol/", async () => {
  type Signed = { type: string; message: Json; structHash: Hex; digest: Hex };
  type Case = { chainId: number; allowances: Address; signed: Signed[] };
  const FUNCTION: Record<string, string> = { ApproveAgent: "agentHash", SetRenewal: "renewalHash" };
  for (const { chainId, allowances, signed } of vectors<{ allowances: Case[] }>("eip712").allowances) {
    for (const { type, message, structHash, digest } of signed) {
      const name = FUNCTION[type];
      const computed = name
        ? await call(name, ...Object.values(message))
        : await call("voucherHash", message);
      assert.equal(computed, structHash, type);
      assert.equal(await call("typedDigest", "memo Allowances", chainId, allowances, structHash), digest);
    }
  }
});

test("order ids, order digests and commit digests are the EIP-712 hashes of protocol/", async () => {
  type Cases = {
    orders: { chainId: number; orders: Address; order: Json; id: Hex; digest: Hex }[];
    certificates: { chainId: number; settlement: Address; certificate: Json; structHash: Hex; digest: Hex }[];
  };
  const { orders, certificates } = vectors<Cases>("eip712");
  for (const { chainId, orders: verifier, order, id, digest } of orders) {
    assert.equal(await call("orderId", order), id);
    assert.equal(await call("typedDigest", "memo StorageOrders", chainId, verifier, id), digest);
  }
  for (const { chainId, settlement, certificate, structHash, digest } of certificates) {
    assert.equal(await call("commitHash", certificate, settlement), structHash);
    assert.equal(
      await call("typedDigest", "memo ChallengeSettlement", chainId, settlement, structHash),
      digest,
    );
  }
});

test("amounts are those of the payment vectors", async () => {
  for (const vector of vectors<Json[]>("payments")) {
    const amounts = await call<bigint[]>("pay", vector.rate, vector.slots, vector.epochs);
    assert.deepEqual(amounts.map(String), [vector.provider, vector.keepers, vector.treasury]);
  }
});

test("draws, points and answers of disputes are those of protocol/disputes", async () => {
  type Vectors = {
    chainId: number;
    disputes: Address;
    draws: {
      epochDraw: Hex;
      provider: number;
      part: number;
      draw: Hex;
      drawn: { stripes: number[]; named: number[]; shards: { index: number; stripe: number }[] }[];
    }[];
    order: Json;
    orderId: Hex;
    draw: Hex;
    answers: { point: string; answer: { slot: number; stripe: number; proof: Hex } }[];
    wrong: { name: string; error: string; point: string; answer: Json }[];
  };
  const { chainId, disputes, draws, order, orderId, draw, answers, wrong } = vectors<Vectors>("appeals");
  for (const { epochDraw, provider, part, draw: recordDraw, drawn } of draws) {
    assert.equal(await call("recordDraw", epochDraw, provider, part), recordDraw);
    for (const { stripes, named, shards } of drawn) {
      const entries = named.map((stripe, index) => ({
        ...{ orderId: recordDraw, slot: 0, stripe, since: 1, until: 2, stripes: stripes[index]! },
      }));
      assert.deepEqual(await call("drawnShards", recordDraw, entries), shards);
    }
  }
  // A point names the contract that draws it.
  assert.equal(chain.chainId, chainId);
  const code = await chain.publicClient.getCode({ address: harness });
  await chain.helpers.setCode(disputes, code!);
  for (const { point, answer } of answers) {
    const args = [draw, orderId, answer.slot, answer.stripe];
    assert.equal(await chain.read<bigint>(disputes, abi, "appealPoint", args), BigInt(point));
    await call("checkAnswer", { order, ...answer }, orderId, BigInt(point));
    // At any other point it is no answer, unless the shard is the same value everywhere.
    if (answer.proof.startsWith("0xc0")) continue;
    await rejectsWith(call("checkAnswer", { order, ...answer }, orderId, BigInt(point) + 1n), "ProofWrong");
  }
  for (const { name, error, point, answer } of wrong) {
    await assert.doesNotReject(
      rejectsWith(call("checkAnswer", { order, ...answer }, orderId, BigInt(point)), error),
      name,
    );
  }
});

test("exception leaves stand for what protocol/results says", async () => {
  type Case = { leaves: (Json & { leafHash: Hex })[] };
  for (const { leaves } of vectors<Case[]>("exceptions")) {
    for (const [index, { leafHash, ...leaf }] of leaves.entries()) {
      assert.equal(await call("exceptionLeaf", index, leaf), leafHash);
    }
  }
});

test("what a call cost before it ran is counted byte by byte", async () => {
  for (const data of [
    "0x",
    "0x00",
    "0xff",
    `0x${"00".repeat(33)}ff`,
    `0x${"0102".repeat(100)}${"00".repeat(77)}`,
  ]) {
    const input = encodeFunctionData({ abi, functionName: "intrinsicGas", args: [data] });
    const bytes = hexToBytes(input);
    const zeros = bytes.filter((byte) => byte === 0).length;
    const expected = 21_000 + 4 * zeros + 16 * (bytes.length - zeros);
    assert.equal(Number(await call("intrinsicGas", data)), expected);
  }
});
