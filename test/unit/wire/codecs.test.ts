import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decode, encode } from "@ipld/dag-cbor";
import fc from "fast-check";
import { getAddress, type Hex } from "viem";
import { z } from "zod";
import { EXCEPTION_KIND } from "../../../protocol/certificate.ts";
import { MAX_LOST_ENTRIES } from "../../../protocol/constants.ts";
import type { Order } from "../../../protocol/order.ts";
import { exceptionsOf, exceptionsRoot } from "../../../protocol/results/exceptions.ts";
import { VERDICT } from "../../../protocol/results/judge.ts";
import { address, bytes32, orderCodec, uint128 } from "../../../protocol/wire/codecs.ts";
import { checkExceptions, leafOfMessage, messageOfLeaf } from "../../../protocol/wire/exceptionMessage.ts";
import { EXCEPTIONS_PER_PAGE, exceptionCodec, keeperProtocol } from "../../../protocol/wire/keeper.ts";
import {
  decodeProofMessage,
  encodeProofMessage,
  type ProofMessage,
  proofStruct,
} from "../../../protocol/wire/proofMessage.ts";
import { bulkProtocol, providerProtocol } from "../../../protocol/wire/provider.ts";
import { topicsOf } from "../../../protocol/wire/topics.ts";

const hex = (length: number) =>
  fc
    .uint8Array({ minLength: length, maxLength: length })
    .map((bytes) => `0x${Buffer.from(bytes).toString("hex")}` as Hex);
const uint = (bits: number) => fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const addressText = hex(20).map((text) => getAddress(text));

const orders: fc.Arbitrary<Order> = fc.record(
  {
    group: addressText,
    owner: addressText,
    payer: addressText,
    providers: fc.array(u32, { minLength: 1, maxLength: 32 }),
    shardRoot: hex(32),
    stripes: u32,
    policy: u32,
    layout: fc.integer({ min: 0, max: 255 }),
    startEpoch: u32,
    endEpoch: u32,
    price: uint(128),
    minEpochs: u32,
    openBy: uint(64),
    manifest: fc.record(
      { firstStripe: u32, stripes: u32, length: uint(64), digest: hex(32) },
      { noNullPrototype: true },
    ),
    salt: hex(32),
  },
  { noNullPrototype: true },
);

const proof: ProofMessage = {
  v: 1,
  epoch: 4_000_000_000,
  provider: 4_000_000_000,
  cover: Uint8Array.of(1),
  parts: [{ y: new Uint8Array(32).fill(1), proof: new Uint8Array(48).fill(2) }],
  openings: `0x${"33".repeat(32)}`,
  signature: `0x${"44".repeat(64)}`,
};

describe("wire codecs", () => {
  it("bring any order through dag-cbor unchanged", () => {
    fc.assert(
      fc.property(orders, (order) => {
        assert.deepEqual(orderCodec.decode(decode(encode(z.encode(orderCodec, order)))), order);
      }),
    );
  });

  it("have one form only for each integer, and none outside the range", () => {
    fc.assert(
      fc.property(uint(128), (value) => {
        const bytes = z.encode(uint128, value);
        assert.equal(uint128.decode(bytes), value);
        assert.equal(uint128.safeDecode(Uint8Array.of(0, ...bytes)).success, false);
      }),
    );
    assert.equal(z.safeEncode(uint128, 1n << 128n).success, false);
    assert.equal(z.safeEncode(uint128, -1n).success, false);
    assert.equal(uint128.safeDecode(new Uint8Array(17).fill(1)).success, false);
  });

  it("refuse bytes of another length", () => {
    assert.equal(bytes32.safeDecode(new Uint8Array(31)).success, false);
    assert.equal(address.safeDecode(new Uint8Array(21)).success, false);
    assert.equal(z.safeEncode(bytes32, "0x12").success, false);
  });

  it("refuse unknown fields, whole pages that are too large, and shards of another length", () => {
    const { quote, getCommitments } = providerProtocol.methods;
    assert.equal(quote.request.safeDecode({}).success, true);
    assert.equal(quote.request.safeDecode({ extra: 1 } as unknown as Record<string, never>).success, false);
    const { commitments } = getCommitments.response.shape;
    assert.equal(commitments.safeDecode(new Uint8Array(48 * 3)).success, true);
    assert.equal(commitments.safeDecode(new Uint8Array(48 * 3 + 1)).success, false);
    assert.equal(commitments.safeDecode(new Uint8Array(48 * 8_193)).success, false);
    const { bytes } = bulkProtocol.methods.putShard.request.shape;
    assert.equal(bytes.safeDecode(new Uint8Array(131_072)).success, true);
    assert.equal(bytes.safeDecode(new Uint8Array(131_071)).success, false);
  });
});

describe("proof message", () => {
  it("of one part takes less than 300 bytes and comes back unchanged", () => {
    const bytes = encodeProofMessage(proof);
    assert.ok(bytes.length < 300, `${bytes.length} bytes`);
    assert.deepEqual(decodeProofMessage(bytes), proof);
  });

  it("of another version, truncated, or with anything else inside is refused by code", () => {
    const bytes = encodeProofMessage(proof);
    const plain = decode<Record<string, unknown>>(bytes);
    for (const bad of [
      encode({ ...plain, v: 2 }),
      encode({ ...plain, extra: 1 }),
      encode({ ...plain, signature: new Uint8Array(65) }),
      bytes.subarray(0, -1),
      new Uint8Array(0),
      new Uint8Array(100_000).fill(0x81),
    ]) {
      assert.throws(() => decodeProofMessage(bad), { code: "PROOF_MESSAGE_MALFORMED" });
    }
  });

  it("is signed over its cover and all its parts in their order", () => {
    const [a, b] = [1, 2].map((byte) => ({ y: new Uint8Array(32).fill(byte), proof: new Uint8Array(48) }));
    const group = getAddress(`0x${"55".repeat(20)}`);
    const digest = (parts: ProofMessage["parts"]) => proofStruct(group, { ...proof, parts }).parts;
    assert.notEqual(digest([a!, b!]), digest([b!, a!]));
    assert.notEqual(digest([a!]), digest([a!, b!]));
    const covering = (cover: number) => proofStruct(group, { ...proof, cover: Uint8Array.of(cover) }).parts;
    assert.notEqual(covering(1), covering(2));
  });
});

describe("topics", () => {
  it("are per chain and group, whatever the case of the address", () => {
    const group = getAddress(`0x${"ab".repeat(20)}`);
    assert.equal(topicsOf(31337, group).proofs, `/memo/1/31337/0x${"ab".repeat(20)}/proofs`);
    assert.equal(topicsOf(31337, group).votes, `/memo/1/31337/0x${"ab".repeat(20)}/votes`);
  });
});

describe("exceptions on the wire", () => {
  const entries = (count: number) =>
    Array.from({ length: count }, (_, index) => ({
      orderId: `0x${"ab".repeat(32)}` as Hex,
      slot: index % 32,
      stripe: 0xffff_ffff,
    }));
  const lost = (count: number) => ({ provider: 4, part: 0xffff_ffff, entries: entries(count) });
  const offer = { provider: 7, orderId: `0x${"cd".repeat(32)}` as Hex, slot: 3, deadline: 9 };
  const leaves = exceptionsOf([{ provider: 3, verdict: VERDICT.missed }], {
    lost: [lost(2)],
    offers: [offer],
  });
  const certificate = { epoch: 5, exceptions: leaves.length, exceptionsRoot: exceptionsRoot(leaves) };
  const roundTrip = (message: unknown) =>
    exceptionCodec.decode(decode(encode(exceptionCodec.encode(message as never))) as never);

  it("come back as the leaves they were, hashes computed anew", () => {
    const messages = leaves.map((leaf) => roundTrip(messageOfLeaf(leaf)));
    assert.deepEqual(messages.map(leafOfMessage), leaves);
    assert.deepEqual(checkExceptions(messages, certificate), leaves);
  });

  it("are those of the certificate or refused: one changed, too few, another order", () => {
    const messages = leaves.map(messageOfLeaf);
    const changed = messages.map((one) =>
      one.kind === EXCEPTION_KIND.offer ? { ...one, deadline: one.deadline + 1 } : one,
    );
    for (const wrong of [changed, messages.slice(1), [...messages].reverse(), []]) {
      assert.throws(() => checkExceptions(wrong, certificate), { code: "EXCEPTIONS_WRONG" });
    }
    const root = { ...certificate, exceptions: leaves.length + 1 };
    assert.throws(() => checkExceptions(messages, root), { code: "EXCEPTIONS_WRONG" });
  });

  it("are bounded: 1 to 64 entries, a page that fits a frame", () => {
    const message = (count: number) => ({ kind: EXCEPTION_KIND.lost, ...lost(count) });
    assert.equal(exceptionCodec.safeEncode(message(MAX_LOST_ENTRIES)).success, true);
    assert.equal(exceptionCodec.safeEncode(message(MAX_LOST_ENTRIES + 1)).success, false);
    assert.equal(exceptionCodec.safeEncode(message(0)).success, false);
    const { response } = keeperProtocol.methods.getExceptions;
    const page = (count: number) => ({
      leaves: Array.from({ length: count }, () => message(MAX_LOST_ENTRIES)),
      total: 0xffff_ffff,
    });
    const largest = encode(z.encode(response, page(EXCEPTIONS_PER_PAGE)));
    assert.ok(largest.length < keeperProtocol.maxFrameBytes, `${largest.length} bytes`);
    assert.equal(z.safeEncode(response, page(EXCEPTIONS_PER_PAGE + 1)).success, false);
  });
});

describe("reading a shard", () => {
  const { request } = bulkProtocol.methods.getShard;
  const shard = { orderId: `0x${"ab".repeat(32)}` as Hex, slot: 1, stripe: 2 };
  const capability = {
    orderId: shard.orderId,
    reader: getAddress(`0x${"00".repeat(20)}`),
    expires: 9n,
    signature: `0x${"44".repeat(64)}` as Hex,
  };

  it("is asked for by a capability, or by right of a repair offer without one", () => {
    for (const asked of [{ ...shard, capability }, shard]) {
      assert.deepEqual(z.decode(request, decode(encode(z.encode(request, asked))) as never), asked);
    }
    assert.equal(z.safeEncode(request, { ...shard, capability: null } as never).success, false);
  });

  it("that failed is reported with a short reason, by who has a capability", () => {
    const report = keeperProtocol.methods.reportShard.request;
    const valid = (changes: object) =>
      z.safeEncode(report, { ...shard, capability, reason: "SHARD_WRONG", ...changes } as never).success;
    assert.deepEqual(
      [{}, { reason: "x".repeat(256) }, { reason: "x".repeat(257) }, { capability: undefined }].map(valid),
      [true, true, false, false],
    );
  });
});
