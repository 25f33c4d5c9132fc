import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { privateKeyToAccount } from "viem/accounts";
import type { Client } from "../../../client/createClient.ts";
import type { ByteRange } from "../../../client/read/objectStream.ts";
import type { Reference } from "../../../client/read/readObject.ts";
import { safePath } from "../../../client/read/recover.ts";
import { SEGMENT_BYTES } from "../../../protocol/constants.ts";
import { MemoError } from "../../../protocol/errors.ts";
import { noise } from "../object/noise.ts";
import { createMemoryNetwork, type MemoryNetwork } from "./memoryNetwork.ts";

async function readAll(client: Client, reference: Reference, range?: ByteRange): Promise<Buffer> {
  const { stream } = await client.read(reference, range ? { range } : {});
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A network in which one object is stored, and what is needed to meddle with it. */
async function stored(
  bytes: Uint8Array,
  policy: string,
  more: { providers?: number; compress?: boolean } = {},
) {
  const network = createMemoryNetwork({ providers: more.providers ?? 6 });
  const options = { name: "it", policy, epochs: 1, compress: more.compress ?? false };
  const { orderId, order } = await network.client().store(bytes, options);
  network.calls.length = 0;
  return { network, orderId, order };
}

/** The providers of these slots do not answer. */
function silence(network: MemoryNetwork, providers: readonly number[]): void {
  network.misbehave = async (call, honest) => {
    if (providers.includes(call.provider))
      throw new MemoError("RPC_UNREACHABLE", "gone", { retryable: true });
    return honest();
  };
}

/** The providers answer reads with a changed byte. */
function corrupt(network: MemoryNetwork, providers: readonly number[], place: number): void {
  network.misbehave = async (call, honest) => {
    const answer = (await honest()) as { bytes: Uint8Array };
    if (!providers.includes(call.provider) || call.method !== "getShard") return answer;
    return { bytes: answer.bytes.with(place, answer.bytes[place]! ^ 1) };
  };
}

describe("read", () => {
  for (const [size, policy] of [
    [0, "rs(2,1)"],
    [1, "rs(2,1)"],
    [126_976, "copies(2)"],
    [126_977, "copies(2)"],
    [126_976, "rs(2,1)"],
    [600_000, "rs(2,2)"],
  ] as const) {
    it(`gives back ${size} bytes stored as ${policy}, without any m providers`, async () => {
      const bytes = noise(size, size + 1);
      const { network, orderId, order } = await stored(bytes, policy);
      const m = order.policy & 0xff;
      for (let first = 0; first < order.providers.length; first++) {
        const down = Array.from(
          { length: m },
          (_, i) => order.providers[(first + i) % order.providers.length]!,
        );
        silence(network, down);
        assert.ok((await readAll(network.client(), { orderId })).equals(bytes), `without ${down}`);
      }
    });
  }

  it("finds shards that were changed, in the only stripe too, and rebuilds without them", async () => {
    for (const size of [5, 600_000]) {
      const bytes = noise(size, 3);
      const { network, orderId, order } = await stored(bytes, "rs(2,1)");
      for (const liar of order.providers) {
        // A byte of the first element, where the data is, and one at the end, where a shared manifest is.
        for (const place of [1, 131_071]) {
          corrupt(network, [liar], place);
          assert.ok(
            (await readAll(network.client(), { orderId })).equals(bytes),
            `${size} bytes, liar ${liar}`,
          );
        }
      }
    }
  });

  it("fails rather than give wrong bytes when more than m are changed or gone", async () => {
    for (const size of [5, 600_000]) {
      const { network, orderId, order } = await stored(noise(size, 3), "rs(2,1)");
      corrupt(network, order.providers.slice(0, 2), 1);
      await assert.rejects(readAll(network.client(), { orderId }), { code: "TOO_FEW_SHARDS" });
      silence(network, order.providers.slice(1));
      await assert.rejects(readAll(network.client(), { orderId }), { code: "TOO_FEW_SHARDS" });
    }
  });

  it("gives any range, and fetches only the stripes under its segments", async () => {
    const bytes = noise(2 * SEGMENT_BYTES + 5_000, 9);
    const { network, orderId } = await stored(bytes, "copies(2)");
    const client = network.client();
    await readAll(client, { orderId }, { offset: 0, length: 0 });
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: bytes.length }), fc.nat({ max: bytes.length }), async (a, b) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        network.calls.length = 0;
        const part = await readAll(client, { orderId }, { offset: from, length: to - from });
        assert.ok(part.equals(bytes.subarray(from, to)));
        const segments = Math.ceil(to / SEGMENT_BYTES) - Math.floor(from / SEGMENT_BYTES);
        const shards = network.calls.filter((call) => call.method === "getShard").length;
        assert.ok(shards <= Math.max(1, segments) * 10, `${shards} shards for ${segments} segments`);
      }),
      { numRuns: 25 },
    );
    assert.ok((await readAll(client, { orderId }, { offset: bytes.length - 7 })).equals(bytes.subarray(-7)));
  });

  it("refuses ranges outside the object", async () => {
    const { network, orderId } = await stored(noise(10, 1), "copies(1)");
    for (const range of [
      { offset: 11 },
      { offset: -1 },
      { offset: 0, length: 11 },
      { offset: 5, length: -1 },
      { offset: 0.5 },
    ]) {
      await assert.rejects(network.client().read({ orderId }, { range }), { code: "RANGE_INVALID" });
    }
  });

  it("asks a rival when a provider is slow", async () => {
    const bytes = noise(100, 1);
    const { network, orderId, order } = await stored(bytes, "copies(2)");
    network.misbehave = (call, honest) =>
      call.provider === order.providers[0] && call.method === "getShard" ? new Promise(() => {}) : honest();
    assert.ok((await readAll(network.client({ hedgeMs: 5 }), { orderId })).equals(bytes));
  });

  it("ends when it is cancelled or its signal aborts", async () => {
    const { network, orderId } = await stored(noise(10, 1), "copies(1)");
    network.misbehave = (call, honest) => (call.method === "getShard" ? new Promise(() => {}) : honest());
    const stop = new AbortController();
    const reading = network.client().read({ orderId }, { signal: stop.signal });
    stop.abort(new Error("enough"));
    await assert.rejects(reading, /enough/);
  });

  it("does not unlock another owner's order", async () => {
    const { network, orderId } = await stored(noise(10, 1), "copies(1)");
    const stranger = network.client({ account: privateKeyToAccount(`0x${"77".repeat(32)}`) });
    await assert.rejects(stranger.read({ orderId }), { code: "ROOT_KEY_LOCKED" });
  });

  it("says when an order or a name is not there", async () => {
    const { network } = await stored(noise(10, 1), "copies(1)");
    await assert.rejects(network.client().read({ orderId: `0x${"00".repeat(32)}` }), {
      code: "ORDER_NOT_FOUND",
    });
    await assert.rejects(network.client().read({ name: "other" }), { code: "NAME_NOT_FOUND" });
  });

  it("unlocks by the recovery phrase where the wallet signs differently each time", async () => {
    const phrase = "legal winner thank year wave sausage worth useful legal winner thank yellow";
    const network = createMemoryNetwork({ providers: 1 });
    const honest = privateKeyToAccount(`0x${"42".repeat(32)}`);
    let signatures = 0;
    const moody = {
      ...honest,
      signTypedData: async (request: { primaryType: string }) =>
        request.primaryType === "Unlock"
          ? (`0x${(++signatures).toString(16).padStart(130, "0")}` as const)
          : honest.signTypedData(request as never),
    } as typeof honest;
    const options = { name: "it", policy: "copies(1)", epochs: 1 };
    await assert.rejects(network.client({ account: moody }).store(noise(5, 1), options), {
      code: "SIGNATURE_NOT_DETERMINISTIC",
    });
    await network.client({ account: moody, recoveryPhrase: phrase }).store(noise(5, 1), options);
    const later = network.client({ account: moody, recoveryPhrase: phrase });
    assert.ok((await readAll(later, { name: "it" })).equals(noise(5, 1)));
  });
});

describe("recover", () => {
  let directory = "";
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "memo-recover-"));
  });
  after(() => rm(directory, { recursive: true }));

  it("restores every name with its newest bytes from wallet and chain alone", async () => {
    const network = createMemoryNetwork({ providers: 3 });
    const put = (name: string, bytes: Uint8Array) =>
      network.client().store(bytes, { name, policy: "copies(2)", epochs: 1 });
    await put("a.txt", noise(10, 1));
    await put("folder/b.bin", noise(200_000, 2));
    network.chainTime++;
    await put("a.txt", noise(20, 3));
    const target = join(directory, "all");
    const recovery = await network.client().recover({ directory: target });
    assert.equal(recovery.complete, true);
    assert.deepEqual(
      recovery.files.map((file) => file.name),
      ["a.txt", "folder/b.bin"],
    );
    assert.ok((await readFile(join(target, "a.txt"))).equals(noise(20, 3)));
    assert.ok((await readFile(join(target, "folder", "b.bin"))).equals(noise(200_000, 2)));
    // One root key for all: the second store unlocked the first one's.
    const listing = await network.client().list();
    assert.deepEqual(
      listing.objects.map((object) => [object.name, object.bytes]),
      [
        ["a.txt", 20],
        ["folder/b.bin", 200_000],
      ],
    );
  });

  it("restores what it can and says what is missing, leaving no half files", async () => {
    const network = createMemoryNetwork({ providers: 2 });
    const put = (name: string, size: number) =>
      network.client().store(noise(size, size), { name, policy: "copies(1)", epochs: 1, compress: false });
    await put("small", 10);
    await put("large", 400_000);
    const { order, id } = network.orders[1]!;
    network.misbehave = async (call, honest) => {
      if (call.method === "getShard" && call.request.orderId === id && call.request.stripe === 2) {
        throw new MemoError("SHARD_UNREADABLE", "rotten");
      }
      return honest();
    };
    const target = join(directory, "part");
    const recovery = await network.client().recover({ directory: target });
    assert.equal(recovery.complete, false);
    assert.deepEqual(
      recovery.failed.map((file) => [file.name, file.code]),
      [["large", "TOO_FEW_SHARDS"]],
    );
    assert.deepEqual(await readdir(target), ["small"]);
    silence(network, order.providers);
    const nothing = await network.client().recover({ directory: target });
    assert.ok(nothing.unreadable.some((one) => one.orderId === id && one.code === "TOO_FEW_SHARDS"));
  });

  it("does not miss what has ended and is gone", async () => {
    const network = createMemoryNetwork({ providers: 1 });
    await network.client().store(noise(10, 1), { name: "old", policy: "copies(1)", epochs: 1 });
    silence(network, [1]);
    assert.equal((await network.client().list()).unreadable.length, 1);
    network.epochNow = network.orders[0]!.order.endEpoch;
    assert.deepEqual(await network.client().list(), { objects: [], unreadable: [] });
  });

  it("never writes outside its folder", () => {
    assert.equal(safePath("/tmp/x", "a/../b"), "/tmp/x/b");
    for (const name of ["../x", "/etc/passwd", "a/../../x", "..\\x", ".", "folder/"]) {
      assert.throws(() => safePath("/tmp/x", name), { code: "NAME_UNSAFE" });
    }
  });
});
