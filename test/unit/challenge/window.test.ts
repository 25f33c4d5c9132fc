import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { concatBytes, keccak256 } from "viem";
import type { WindowContext } from "../../../protocol/challenge/transcript.ts";
import { openWindow, verifyWindow } from "../../../protocol/challenge/window.ts";
import { FIELD_MODULUS } from "../../../protocol/constants.ts";
import { fieldToBytes } from "../../../protocol/kzg/field.ts";
import { findPointOutsideSubgroup } from "./points.ts";
import { GROUP, IDENTITY, kzg, points, shardOf, tools, ZERO_SHARD } from "./world.ts";

const context: WindowContext = {
  chainId: 31337,
  group: GROUP,
  nonce: keccak256("0x1234"),
  provider: 7,
  slot: 2,
  firstStripe: 64,
};
const shards = [shardOf(1), shardOf(2), ZERO_SHARD];
const commitments = await Promise.all(shards.map((shard) => kzg.commit(shard)));
const answer = await openWindow({ context, shards, commitments, ...tools });
const window = { context, shards, commitments, ...answer, ...tools };
const wrong = { code: "WINDOW_COMMITMENTS_WRONG", details: { provider: 7, slot: 2, firstStripe: 64 } };

describe("an upload window", () => {
  it("is accepted when the provider committed to the bytes that it was sent", async () => {
    await verifyWindow(window);
    await verifyWindow({ ...window, commitments: concatBytes(commitments) });
  });

  it("is accepted with the largest elements of layout blob", async () => {
    const blob = shardOf(3);
    blob.set(fieldToBytes(FIELD_MODULUS - 1n), 32);
    const one = { context, shards: [blob], commitments: [await kzg.commit(blob)] };
    await verifyWindow({ ...one, ...(await openWindow({ ...one, ...tools })), ...tools });
  });

  it("is refused when a commitment is that of other bytes, whoever opens it", async () => {
    const other = shardOf(9);
    const lied = [commitments[0]!, await kzg.commit(other), commitments[2]!];
    // Opened honestly over the bytes sent, and over the bytes committed to.
    for (const held of [shards, [shards[0]!, other, shards[2]!]]) {
      const opened = await openWindow({ context, shards: held, commitments: lied, ...tools });
      await assert.rejects(verifyWindow({ ...window, commitments: lied, ...opened }), wrong);
    }
  });

  it("is refused when commitments are swapped, or one is the identity", async () => {
    for (const lied of [
      [commitments[1]!, commitments[0]!, commitments[2]!],
      [IDENTITY, commitments[1]!, commitments[2]!],
    ]) {
      const opened = await openWindow({ context, shards, commitments: lied, ...tools });
      await assert.rejects(verifyWindow({ ...window, commitments: lied, ...opened }), wrong);
    }
  });

  it("is refused with the answer to another nonce, slot, provider, place or group", async () => {
    const others = [
      { ...context, nonce: keccak256("0x5678") },
      { ...context, slot: 3 },
      { ...context, provider: 8 },
      { ...context, firstStripe: 0 },
      { ...context, chainId: 1 },
    ];
    for (const other of others) {
      const opened = await openWindow({ context: other, shards, commitments, ...tools });
      await assert.rejects(verifyWindow({ ...window, ...opened }), wrong);
    }
  });

  it("is refused when the right value comes with a wrong proof, or the reverse", async () => {
    await assert.rejects(verifyWindow({ ...window, proof: commitments[0]! }), wrong);
    await assert.rejects(verifyWindow({ ...window, y: fieldToBytes(1n) }), wrong);
    await assert.rejects(verifyWindow({ ...window, proof: new Uint8Array(48) }), wrong);
    await assert.rejects(verifyWindow({ ...window, y: new Uint8Array(32).fill(0xff) }), {
      code: "FIELD_ELEMENT_NOT_CANONICAL",
    });
  });

  it("is refused with a commitment off the curve, out of the subgroup, or of wrong length", async () => {
    const offCurve = new Uint8Array(48).with(0, 0x80).with(47, 1);
    const cases = [
      [offCurve, "COMMITMENT_NOT_ON_CURVE"],
      [findPointOutsideSubgroup(points).compressed, "COMMITMENT_NOT_IN_SUBGROUP"],
      [new Uint8Array(47), "COMMITMENT_LENGTH"],
    ] as const;
    for (const [commitment, code] of cases) {
      await assert.rejects(verifyWindow({ ...window, commitments: commitments.with(1, commitment) }), {
        code,
      });
    }
  });

  it("has 1 to 64 shards and as many commitments", async () => {
    const none = { context, shards: [], commitments: [] };
    const many = { context, shards: Array(65).fill(ZERO_SHARD), commitments: Array(65).fill(IDENTITY) };
    const uneven = { context, shards, commitments: commitments.slice(1) };
    for (const size of [none, many, uneven]) {
      await assert.rejects(openWindow({ ...size, ...tools }), { code: "WINDOW_SIZE" });
      await assert.rejects(verifyWindow({ ...window, ...size }), { code: "WINDOW_SIZE" });
    }
  });

  it("is given up when its signal aborts", async () => {
    const signal = AbortSignal.abort(new Error("stop"));
    await assert.rejects(verifyWindow({ ...window, signal }), /stop/);
    await assert.rejects(openWindow({ context, shards, commitments, signal, ...tools }), /stop/);
  });
});
