import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import Database from "better-sqlite3";
import { type Address, createPublicClient, custom, numberToHex, pad, parseAbi, toEventSelector } from "viem";
import { type BlockSource, createBlockSource } from "../../protocol/chain/blockSource.ts";
import { createChainFollower } from "../../protocol/chain/follower.ts";
import type { FinalBlock } from "../../protocol/chain/groupContracts.ts";
import { createSilentLogger } from "../../protocol/runtime/logger.ts";
import { EMITTER_CODE, startLocalChain } from "../support/localChain.ts";

const logger = createSilentLogger();
const CONFIRMATIONS = 2;
const abi = parseAbi(["event Noted(uint256 indexed number)"]);
const TOPIC = toEventSelector("Noted(uint256)");

describe("chain follower", () => {
  let chain: Awaited<ReturnType<typeof startLocalChain>>;
  let emitter: Address;
  let startBlock: number;
  let dir: string;
  const cleanups: (() => void)[] = [];

  before(async () => {
    chain = await startLocalChain();
    emitter = await chain.deploy(EMITTER_CODE);
    dir = await mkdtemp(join(tmpdir(), "memo-chain-"));
  });
  after(async () => {
    await chain.stop();
    await rm(dir, { recursive: true });
  });
  beforeEach(async () => {
    startBlock = Number(await chain.publicClient.getBlockNumber({ cacheTime: 0 })) + 1;
  });
  afterEach(() => {
    for (const cleanup of cleanups.splice(0)) cleanup();
  });

  /** Mines one block that holds an event with this number. */
  const note = async (number: number) => {
    const wallet = chain.walletOf(0);
    await wallet.sendTransaction({
      to: emitter,
      data: `${TOPIC}${pad(numberToHex(number), { size: 32 }).slice(2)}`,
      gas: 100_000n,
    });
    await chain.mine();
  };
  const createSource = (client = chain.publicClient): BlockSource => {
    const source = createBlockSource({ client, confirmations: CONFIRMATIONS, pollMs: 5, logger });
    cleanups.push(() => source.close());
    return source;
  };
  const follow = (options: { store?: string; source?: BlockSource; chainId?: number } = {}) => {
    const follower = createChainFollower({
      source: options.source ?? createSource(),
      chainId: options.chainId ?? 31337,
      contracts: [{ name: "emitter", address: emitter, abi }],
      startBlock,
      store: options.store ?? ":memory:",
      logger,
    });
    const stop = new AbortController();
    const blocks = follower.blocks(stop.signal);
    const close = () => {
      stop.abort(new Error("stopped"));
      follower.close();
    };
    return { follower, blocks, stop, close };
  };
  const take = async (blocks: AsyncGenerator<FinalBlock>, count: number): Promise<FinalBlock[]> => {
    const taken: FinalBlock[] = [];
    while (taken.length < count) {
      const { value, done } = await blocks.next();
      assert.ok(!done);
      taken.push(value);
    }
    return taken;
  };
  const notes = (blocks: readonly FinalBlock[]) =>
    blocks.flatMap((block) =>
      block.logs.map((log) => Number((log.args as unknown as { number: bigint }).number)),
    );
  const assertChained = (blocks: readonly FinalBlock[]) => {
    for (const [index, block] of blocks.entries()) {
      assert.equal(block.number, startBlock + index);
      if (index > 0) assert.equal(block.parentHash, blocks[index - 1]?.hash);
    }
  };

  it("gives every final block in order with its events, and none that is not deep enough", async () => {
    for (const number of [1, 2, 3]) await note(number);
    const { follower, blocks, close } = follow();
    const [first] = await take(blocks, 1);
    assert.deepEqual(notes([first!]), [1]);
    const header = await chain.publicClient.getBlock({ blockNumber: BigInt(startBlock) });
    assert.deepEqual(
      [first!.hash, first!.timestamp, first!.prevRandao],
      [header.hash, Number(header.timestamp), BigInt(header.mixHash)],
    );
    const next = blocks.next();
    assert.equal(follower.status().final, startBlock);
    await chain.mine();
    const { value } = await next;
    assert.deepEqual(notes([value]), [2]);
    assert.equal(follower.status().processed, startBlock);
    close();
  });

  it("reads a long past in pages, empty blocks included", async () => {
    await note(1);
    await chain.mine(30);
    await note(2);
    await chain.mine(CONFIRMATIONS);
    const source = createBlockSource({
      client: chain.publicClient,
      confirmations: CONFIRMATIONS,
      pollMs: 5,
      pageBlocks: 7,
      logger,
    });
    cleanups.push(() => source.close());
    const { blocks, close } = follow({ source });
    const taken = await take(blocks, 32);
    assertChained(taken);
    assert.deepEqual(notes(taken), [1, 2]);
    close();
  });

  it("asks for smaller pages when the node refuses large ones", async () => {
    await chain.mine(40);
    await note(7);
    await chain.mine(CONFIRMATIONS);
    const spans: number[] = [];
    const client = createPublicClient({
      transport: custom(
        {
          async request({ method, params }) {
            if (method === "eth_getLogs" && params[0].fromBlock !== undefined) {
              const span = Number(params[0].toBlock) - Number(params[0].fromBlock) + 1;
              spans.push(span);
              if (span > 10) throw new Error("query returned more than allowed");
            }
            return chain.publicClient.request({ method, params });
          },
        },
        { retryCount: 0 },
      ),
    });
    const source = createBlockSource({
      client,
      confirmations: CONFIRMATIONS,
      pollMs: 1,
      logger,
      clock: { now: Date.now, sleep: async () => {} },
    });
    cleanups.push(() => source.close());
    const { blocks, close } = follow({ source });
    const taken = await take(blocks, 41);
    assertChained(taken);
    assert.deepEqual(notes(taken), [7]);
    assert.ok(Math.max(...spans) > 10);
    close();
  });

  it("does not see a reorganisation of blocks that are not final", async () => {
    await note(1);
    const { blocks, close } = follow();
    const snapshot = await chain.test.snapshot();
    await note(2);
    await note(3);
    const before = await take(blocks, 1);
    const next = blocks.next();
    await chain.test.revert({ id: snapshot });
    await note(20);
    await note(30);
    await chain.mine(CONFIRMATIONS);
    const taken = [...before, (await next).value, ...(await take(blocks, 1))];
    assertChained(taken);
    assert.deepEqual(notes(taken), [1, 20, 30]);
    close();
  });

  it("stops by CHAIN_REORG_TOO_DEEP when a final block is replaced", async () => {
    await note(1);
    const snapshot = await chain.test.snapshot();
    await note(2);
    await chain.mine(CONFIRMATIONS);
    const { blocks, close } = follow();
    await take(blocks, 2);
    await chain.test.revert({ id: snapshot });
    await note(20);
    await chain.mine(CONFIRMATIONS + 1);
    await assert.rejects(blocks.next(), { code: "CHAIN_REORG_TOO_DEEP" });
    close();
  });

  it("goes on after a restart without gap or repetition in its store, and replays it all", async () => {
    const store = join(dir, "restart.db");
    for (const number of [1, 2, 3]) await note(number);
    await chain.mine(CONFIRMATIONS);
    const first = follow({ store });
    const seen = await take(first.blocks, 2);
    first.close();
    await note(4);
    await chain.mine(CONFIRMATIONS);
    const second = follow({ store });
    const replayed = await take(second.blocks, 3 + CONFIRMATIONS + 1);
    assert.deepEqual(replayed.slice(0, 2), seen);
    assertChained(replayed);
    assert.deepEqual(notes(replayed), [1, 2, 3, 4]);
    second.close();
  });

  it("replays from its store without asking the node for blocks again", async () => {
    const store = join(dir, "replay.db");
    for (const number of [1, 2]) await note(number);
    await chain.mine(CONFIRMATIONS);
    const first = follow({ store });
    await take(first.blocks, 2);
    first.close();
    const asked: string[] = [];
    const client = createPublicClient({
      transport: custom({
        request({ method, params }) {
          asked.push(method);
          return chain.publicClient.request({ method, params });
        },
      }),
    });
    const second = follow({ store, source: createSource(client) });
    assert.deepEqual(notes(await take(second.blocks, 2)), [1, 2]);
    assert.ok(!asked.includes("eth_getLogs"));
    second.close();
  });

  it("notices at a restart that the chain it stored has been replaced", async () => {
    const store = join(dir, "replaced.db");
    const snapshot = await chain.test.snapshot();
    await note(1);
    await chain.mine(CONFIRMATIONS);
    const first = follow({ store });
    await take(first.blocks, 1);
    first.close();
    await chain.test.revert({ id: snapshot });
    await note(10);
    await chain.mine(CONFIRMATIONS);
    const second = follow({ store });
    await assert.rejects(second.blocks.next(), { code: "CHAIN_REORG_TOO_DEEP" });
    second.close();
  });

  it("refuses the store of a newer program or of something else, and the wrong chain", async () => {
    const store = join(dir, "newer.db");
    follow({ store }).close();
    assert.throws(
      () => {
        startBlock += 1;
        follow({ store });
      },
      { code: "STORE_FOREIGN" },
    );
    const database = new Database(store);
    database.pragma("user_version = 99");
    database.close();
    assert.throws(() => follow({ store }), { code: "STORE_VERSION_NEWER" });
    assert.throws(() => follow({ store: join(dir, "none", "x.db") }), { code: "STORE_UNUSABLE" });
    const wrong = follow({ chainId: 1 });
    await assert.rejects(wrong.blocks.next(), { code: "CHAIN_ID_WRONG" });
    wrong.close();
  });

  it("waits while the node is down, tells so, and loses nothing", async () => {
    let down = false;
    const client = createPublicClient({
      transport: custom(
        {
          async request({ method, params }) {
            if (down) throw new Error("connection refused");
            return chain.publicClient.request({ method, params });
          },
        },
        { retryCount: 0 },
      ),
    });
    await note(1);
    await chain.mine(CONFIRMATIONS);
    const slept = Promise.withResolvers<void>();
    const clock = {
      now: Date.now,
      sleep: (ms: number) => {
        if (ms >= 1_000) slept.resolve();
        return new Promise<void>((resolve) => setTimeout(resolve, 1));
      },
    };
    const source = createBlockSource({ client, confirmations: CONFIRMATIONS, pollMs: 5, logger, clock });
    cleanups.push(() => source.close());
    const { follower, blocks, close } = follow({ source });
    await take(blocks, 1);
    down = true;
    const next = blocks.next();
    await slept.promise;
    assert.match(follower.status().error ?? "", /connection refused/);
    await note(2);
    await chain.mine(CONFIRMATIONS);
    down = false;
    const rest = [(await next).value, ...(await take(blocks, CONFIRMATIONS))];
    assert.deepEqual(notes(rest), [2]);
    assert.equal(follower.status().error, undefined);
    close();
  });

  it("ends by the reason of the signal while it waits", async () => {
    await note(1);
    await chain.mine(CONFIRMATIONS);
    const { blocks, stop, close } = follow();
    await take(blocks, 1);
    const next = blocks.next();
    stop.abort(new Error("enough"));
    await assert.rejects(next, /enough/);
    close();
  });

  it("lets sixteen followers share one poll and one reading of each block", async () => {
    let heads = 0;
    let logs = 0;
    const client = createPublicClient({
      transport: custom({
        request({ method, params }) {
          if (method === "eth_blockNumber") heads += 1;
          if (method === "eth_getLogs") logs += 1;
          return chain.publicClient.request({ method, params });
        },
      }),
    });
    const source = createSource(client);
    for (const number of [1, 2, 3]) await note(number);
    await chain.mine(CONFIRMATIONS);
    const followers = Array.from({ length: 16 }, () => follow({ source }));
    const all = await Promise.all(followers.map(({ blocks }) => take(blocks, 3)));
    for (const blocks of all) assert.deepEqual(notes(blocks), [1, 2, 3]);
    assert.ok(logs <= 3, `${logs} readings`);
    assert.ok(heads <= 8, `${heads} polls`);
    for (const { close } of followers) close();
  });
});
