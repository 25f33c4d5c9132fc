import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createFrameReader, frameOf } from "../../../protocol/net/frames.ts";
import { gossipMessageId } from "../../../protocol/net/messageId.ts";
import { decodeRequest, decodeResponse, encodeFrame } from "../../../protocol/net/rpcFrames.ts";

const payloads = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 12 });

describe("frames", () => {
  it("come out as they went in however the bytes are cut", () => {
    fc.assert(
      fc.property(payloads, fc.array(fc.integer({ min: 1, max: 97 }), { minLength: 1 }), (frames, cuts) => {
        const bytes = Buffer.concat(frames.map((frame) => frameOf(frame).subarray()));
        const reader = createFrameReader(300);
        const read: Uint8Array[] = [];
        for (let at = 0, cut = 0; at < bytes.length; cut++) {
          const size = cuts[cut % cuts.length]!;
          const pushed = reader.push(bytes.subarray(at, at + size));
          assert.equal(pushed.fault, undefined);
          read.push(...pushed.frames);
          at += size;
        }
        assert.deepEqual(
          read.map((frame) => [...frame]),
          frames.map((frame) => [...frame]),
        );
      }),
    );
  });

  it("that are too long or empty stop the reading for good, after the good ones before them", () => {
    const good = frameOf(Uint8Array.of(1)).subarray();
    for (const [bad, fault] of [
      [Uint8Array.of(0, 0, 1, 0), "oversize"],
      [Uint8Array.of(0xff, 0xff, 0xff, 0xff), "oversize"],
      [Uint8Array.of(0, 0, 0, 0), "empty"],
    ] as const) {
      const reader = createFrameReader(255);
      const { frames, fault: seen } = reader.push(Buffer.concat([good, bad]));
      assert.deepEqual([frames.length, seen], [1, fault]);
      assert.deepEqual(reader.push(good), { frames: [], fault });
    }
    assert.equal(createFrameReader(255).push(frameOf(new Uint8Array(255))).frames.length, 1);
  });
});

describe("rpc frames", () => {
  it("of any bytes are a frame or nothing, but never an exception", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decodeRequest(bytes);
        decodeResponse(bytes);
      }),
    );
    assert.equal(decodeRequest(new Uint8Array(500_000).fill(0x81)), undefined);
  });

  it("are told apart by what they carry", () => {
    const request = { v: 1, id: 3, method: "quote", body: {} };
    const cancel = { v: 1, id: 3, cancel: true } as const;
    const failure = { v: 1, id: 3, error: { code: "CONTRACT_StakeNotFree", message: "m", retryable: false } };
    assert.deepEqual(decodeRequest(encodeFrame(request)), request);
    assert.deepEqual(decodeRequest(encodeFrame(cancel)), cancel);
    assert.deepEqual(decodeResponse(encodeFrame({ v: 1, id: 3, body: { a: 1 } })), {
      v: 1,
      id: 3,
      body: { a: 1 },
    });
    assert.deepEqual(decodeResponse(encodeFrame(failure)), failure);
    assert.equal(decodeResponse(encodeFrame(request)), undefined);
    const shouting = { ...failure, error: { ...failure.error, message: "m".repeat(513) } };
    assert.equal(decodeResponse(encodeFrame(shouting)), undefined);
  });
});

describe("gossip message id", () => {
  it("depends on topic and data, so that nobody can bury a message under another topic", () => {
    const id = (topic: string, data: string) =>
      Buffer.from(gossipMessageId({ topic, data: Buffer.from(data) })).toString("hex");
    assert.equal(id("a", "x"), id("a", "x"));
    assert.notEqual(id("a", "x"), id("b", "x"));
    assert.notEqual(id("a", "x"), id("a", "y"));
    assert.notEqual(id("a", "bx"), id("ab", "x"));
  });
});
