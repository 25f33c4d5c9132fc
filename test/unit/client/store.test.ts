import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Client } from "../../../client/createClient.ts";
import type { Reference } from "../../../client/read/readObject.ts";
import type { StoreProgress } from "../../../client/store/progress.ts";
import { MemoError } from "../../../protocol/errors.ts";
import { orderId } from "../../../protocol/order.ts";
import { noise } from "../object/noise.ts";
import { createMemoryNetwork, type MemoryNetwork } from "./memoryNetwork.ts";

async function readAll(client: Client, reference: Reference): Promise<Buffer> {
  const { stream } = await client.read(reference);
  return Buffer.from(await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer());
}

/** What a failed store must leave behind: nothing on chain. */
function assertNothingOpened(network: MemoryNetwork): void {
  assert.deepEqual(network.orders, []);
  assert.equal(network.sent.includes("open"), false);
}

describe("store", () => {
  it("chooses nobody who is leaving, even if there are too few others", async () => {
    const network = createMemoryNetwork({ providers: 3 });
    const options = { name: "it", policy: "copies(2)", epochs: 1 };
    network.providers.set(1, { ...network.providers.get(1)!, exiting: true });
    const { order } = await network.client().store(noise(5, 1), options);
    assert.deepEqual([...order.providers].sort(), [2, 3]);
    network.providers.set(2, { ...network.providers.get(2)!, exiting: true });
    await assert.rejects(network.client().store(noise(5, 1), options), { code: "NOT_ENOUGH_PROVIDERS" });
  });

  let directory = "";
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "memo-store-"));
  });
  after(() => rm(directory, { recursive: true }));

  it("opens one order that names different providers and commits to what they hold", async () => {
    const network = createMemoryNetwork({ providers: 5 });
    const events: StoreProgress[] = [];
    const bytes = noise(1_000, 1);
    const client = network.client();
    const result = await client.store(bytes, {
      name: "a",
      policy: "rs(2,1)",
      epochs: 3,
      onProgress: (event) => events.push(event),
    });
    assert.equal(network.orders.length, 1);
    const { order } = network.orders[0]!;
    assert.equal(result.orderId, orderId(order));
    assert.equal(new Set(order.providers).size, 3);
    assert.equal(order.stripes, 1);
    assert.equal(order.endEpoch - order.startEpoch, 3);
    assert.equal(Number(order.openBy), 1_000 + 60 * order.startEpoch);
    assert.deepEqual(result.replaced, []);
    assert.deepEqual(network.sent, ["approve", "deposit", "open"]);
    const stages = [...new Set(events.map((event) => event.stage))];
    assert.deepEqual(stages, ["planned", "deposited", "reserved", "shards", "committed", "signed", "opened"]);
    assert.ok((await readAll(client, { orderId: result.orderId })).equals(bytes));
  });

  it("draws each nonce only after the commitments of the window have arrived", async () => {
    const network = createMemoryNetwork({ providers: 3 });
    await network.client().store(noise(10, 1), { name: "a", policy: "rs(2,1)", epochs: 1 });
    const nonces = network.calls
      .filter((call) => call.method === "openWindow")
      .map((call) => call.request.nonce);
    assert.equal(new Set(nonces).size, 3);
    for (const id of [1, 2, 3]) {
      const methods = network.calls.filter((call) => call.provider === id).map((call) => call.method);
      assert.deepEqual(methods, [
        "quote",
        "reserve",
        "putShard",
        "commitWindow",
        "openWindow",
        "putCommitments",
        "putCommitments",
        "putCommitments",
        "signOrder",
      ]);
    }
  });

  const lies: Record<string, { method: string; code: string; lie: MemoryNetwork["misbehave"] }> = {
    "commits to other shards": {
      method: "openWindow",
      code: "WINDOW_COMMITMENTS_WRONG",
      lie: async (call, honest) => {
        if (call.method === "putShard")
          (call.request as { bytes: Uint8Array }).bytes = noise(131_072, 4).map((byte, i) =>
            i % 32 === 0 ? 0 : byte,
          );
        return honest();
      },
    },
    "gives a commitment off the curve": {
      method: "commitWindow",
      code: "COMMITMENT_NOT_ON_CURVE",
      lie: async (call, honest) => {
        const answer = await honest();
        if (call.method !== "commitWindow") return answer;
        return { commitments: new Uint8Array(48 * call.request.count).fill(0x9f) };
      },
    },
    "gives too few commitments": {
      method: "commitWindow",
      code: "COMMITMENTS_LENGTH",
      lie: async (call, honest) =>
        call.method === "commitWindow" ? { commitments: new Uint8Array(0) } : honest(),
    },
    "is at another endpoint": {
      method: "quote",
      code: "PROVIDER_OTHER",
      lie: async (call, honest) =>
        call.method === "quote" ? { providerId: 99, ask: 1n, freeBytes: 1, domain: "0x" } : honest(),
    },
    "has no room": {
      method: "reserve",
      code: "OUT_OF_SPACE",
      lie: async (call, honest) => {
        if (call.method === "reserve") throw new MemoError("OUT_OF_SPACE", "full");
        return honest();
      },
    },
    "will not sign": {
      method: "signOrder",
      code: "SHARD_ROOT_WRONG",
      lie: async (call, honest) => {
        if (call.method === "signOrder") throw new MemoError("SHARD_ROOT_WRONG", "no");
        return honest();
      },
    },
    "signs something else": {
      method: "signOrder",
      code: "PROVIDER_SIGNATURE_INVALID",
      lie: async (call, honest) =>
        call.method === "signOrder" ? { signature: `0x${"11".repeat(64)}` } : honest(),
    },
    vanishes: {
      method: "putShard",
      code: "RPC_UNREACHABLE",
      lie: async (call, honest) => {
        if (call.method === "putShard") throw new MemoError("RPC_UNREACHABLE", "gone", { retryable: true });
        return honest();
      },
    },
  };
  for (const [what, { code, lie }] of Object.entries(lies)) {
    it(`replaces a provider that ${what}, says so, and the data comes back`, async () => {
      const network = createMemoryNetwork({ providers: 6 });
      const bytes = noise(1_000, 2);
      let liar: number | undefined;
      network.misbehave = (call, honest) => {
        liar ??= call.provider;
        return call.provider === liar ? lie(call, honest) : honest();
      };
      const client = network.client();
      const result = await client.store(bytes, { name: "a", policy: "rs(2,1)", epochs: 1, compress: false });
      assert.deepEqual(
        result.replaced.map((one) => [one.provider, one.code]),
        [[liar, code]],
      );
      assert.equal(network.orders[0]!.order.providers.includes(liar!), false);
      assert.ok((await readAll(client, { orderId: result.orderId })).equals(bytes));
    });
  }

  it("tries a provider again that is busy only for now", async () => {
    const network = createMemoryNetwork({ providers: 3 });
    let busy = true;
    network.misbehave = (call, honest) => {
      if (call.method !== "commitWindow" || !busy) return honest();
      busy = false;
      throw new MemoError("RPC_BUSY", "later", { retryable: true, details: { retryAfterMs: 1 } });
    };
    const result = await network.client().store(noise(9, 1), { name: "a", policy: "rs(2,1)", epochs: 1 });
    assert.deepEqual(result.replaced, []);
  });

  it("fails with nothing on chain when no provider is left to replace one", async () => {
    const network = createMemoryNetwork({ providers: 3 });
    network.misbehave = async (call, honest) => {
      if (call.provider === 2 && call.method === "openWindow")
        return { y: new Uint8Array(32), proof: new Uint8Array(48) };
      return honest();
    };
    await assert.rejects(network.client().store(noise(9, 1), { name: "a", policy: "rs(2,1)", epochs: 1 }), {
      code: "NOT_ENOUGH_PROVIDERS",
      message: /Refused so far: provider 2: WINDOW_COMMITMENTS_WRONG/,
    });
    assertNothingOpened(network);
  });

  it("sends a late replacement everything again, window by window", async () => {
    const network = createMemoryNetwork({ providers: 4 });
    const bytes = noise(5 * 126_976, 3);
    let liar: number | undefined;
    network.misbehave = (call, honest) => {
      if (call.method === "putShard" && call.request.stripe > 3) liar ??= call.provider;
      if (call.provider === liar) throw new MemoError("RPC_UNREACHABLE", "gone", { retryable: true });
      return honest();
    };
    const client = network.client({ windowBytes: 2 * 131_072 });
    const result = await client.store(bytes, { name: "a", policy: "copies(1)", epochs: 1, compress: false });
    assert.equal(result.replaced.length, 1);
    assert.ok((await readAll(client, { orderId: result.orderId })).equals(bytes));
  });

  describe("refuses", () => {
    const refuse = async (
      code: string,
      options: object = {},
      change: (network: MemoryNetwork) => void = () => {},
    ) => {
      const network = createMemoryNetwork({ providers: 3 });
      change(network);
      const store = network
        .client()
        .store(noise(10, 1), { name: "a", policy: "rs(2,1)", epochs: 1, ...options });
      await assert.rejects(store, { code });
      assertNothingOpened(network);
    };
    it("a malformed policy", () => refuse("POLICY_INVALID", { policy: "rs(2" }));
    it("a policy that needs more providers than there are", () =>
      refuse("NOT_ENOUGH_PROVIDERS", { policy: "rs(3,1)" }));
    it("a price below what enough providers ask", () =>
      refuse("NOT_ENOUGH_PROVIDERS", { maxPrice: 100n }, ({ providers }) => {
        providers.set(1, { ...providers.get(1)!, ask: 101n });
      }));
    it("a price below the group's", () => refuse("PRICE_TOO_LOW", { maxPrice: 99n }));
    it("no epochs", () => refuse("EPOCHS_INVALID", { epochs: 0 }));
    it("a start in the past", () => refuse("EPOCHS_INVALID", { startIn: 0 }));
    it("an impossible name", () => refuse("NAME_INVALID", { name: "" }));
    it("when the user declines the cost", async () => {
      let asked: MemoryNetwork | undefined;
      await refuse("STORE_DECLINED", { confirm: async () => false }, (network) => {
        asked = network;
      });
      assert.deepEqual(asked!.sent, []);
    });
    it("an empty wallet, saying how much is missing", async () => {
      await assert.rejects(
        (async () => {
          const network = createMemoryNetwork({ providers: 3 });
          network.money = { deposited: 5n, token: 10n, native: 1n };
          await network.client().store(noise(10, 1), { name: "a", policy: "rs(2,1)", epochs: 1 });
        })(),
        (error: MemoError) =>
          error.code === "TOKEN_BALANCE_TOO_LOW" &&
          error.details.missing === (error.details.cost as bigint) - 15n,
      );
    });
    it("to deposit when it may not", () => refuse("DEPOSIT_TOO_LOW", { deposit: false }));
    it("without native coin", () =>
      refuse("NATIVE_BALANCE_TOO_LOW", {}, (network) => {
        network.money.native = 0n;
      }));
    it("to open after the providers' room has expired", () =>
      refuse("UPLOAD_TOO_SLOW", {}, (network) => {
        network.misbehave = async (call, honest) => {
          if (call.method === "signOrder") network.chainTime = 1e9;
          return honest();
        };
      }));
    it("at once when its signal aborts", async () => {
      const stop = new AbortController();
      const network = createMemoryNetwork({ providers: 3 });
      network.misbehave = async (call, honest) => {
        if (call.method === "commitWindow") stop.abort(new Error("enough"));
        return honest();
      };
      await assert.rejects(
        network
          .client()
          .store(noise(10, 1), { name: "a", policy: "rs(2,1)", epochs: 1, signal: stop.signal }),
        /enough/,
      );
      assertNothingOpened(network);
    });
  });

  describe("of a file", () => {
    const network = createMemoryNetwork({ providers: 3 });
    const options = { policy: "rs(2,1)", epochs: 1 };
    it("that is not there, a folder, or below a file, is refused", async () => {
      const path = join(directory, "plain");
      await writeFile(path, "x");
      await assert.rejects(network.client().store(join(directory, "nothing"), options), {
        code: "FILE_NOT_FOUND",
      });
      await assert.rejects(network.client().store(join(path, "below"), options), { code: "FILE_NOT_FOUND" });
      await assert.rejects(network.client().store(directory, options), { code: "NOT_A_FILE" });
      assert.deepEqual(network.calls, []);
    });

    for (const [what, change] of [
      ["grows", (path: string) => writeFile(path, noise(400_001, 1))],
      ["shrinks", (path: string) => writeFile(path, noise(10, 1))],
      ["is written again", (path: string) => writeFile(path, noise(400_000, 2))],
    ] as const) {
      it(`that ${what} while it is read, is refused with nothing on chain`, async () => {
        const here = createMemoryNetwork({ providers: 3 });
        const path = join(directory, `changing-${what}`);
        await writeFile(path, noise(400_000, 1));
        let changed = false;
        here.misbehave = async (call, honest) => {
          if (call.method === "putShard" && !changed) {
            changed = true;
            await change(path);
          }
          return honest();
        };
        await assert.rejects(here.client().store(path, { ...options, compress: false }), {
          code: "FILE_CHANGED",
        });
        assertNothingOpened(here);
      });
    }
  });

  it("keeps a journal only while the outcome is in doubt", async () => {
    const dataDir = join(directory, "data");
    const network = createMemoryNetwork({ providers: 3 });
    const options = { name: "a", policy: "rs(2,1)", epochs: 1 };
    const client = network.client({ dataDir });
    let during: unknown[] = [];
    network.misbehave = async (call, honest) => {
      if (call.method === "signOrder") during = await client.unfinished();
      return honest();
    };
    await client.store(noise(5, 1), options);
    assert.equal(during.length, 1);
    assert.deepEqual(await client.unfinished(), []);
    await assert.rejects(client.store(noise(5, 1), { ...options, confirm: async () => false }));
    assert.deepEqual(await client.unfinished(), []);
  });
});
