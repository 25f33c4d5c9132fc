import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  type Address,
  createPublicClient,
  createWalletClient,
  custom,
  encodeErrorResult,
  type Hex,
  parseAbi,
} from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { hardhat } from "viem/chains";
import { stakingAbi } from "../../protocol/abi/generated/Staking.ts";
import { createTransactor } from "../../protocol/chain/transactor.ts";
import { MemoError } from "../../protocol/errors.ts";
import { createSilentLogger } from "../../protocol/runtime/logger.ts";
import { createMetrics } from "../../protocol/runtime/metrics.ts";
import { EMITTER_CODE, REVERTER_CODE, startLocalChain } from "../support/localChain.ts";

const logger = createSilentLogger();
const abi = parseAbi([
  "function note(bytes32 a, bytes32 b)",
  "function any()",
  "error OwnError(uint32 id, uint128 required)",
]);
const word = `0x${"22".repeat(32)}` as const;

describe("transactor", () => {
  let chain: Awaited<ReturnType<typeof startLocalChain>>;
  let emitter: Address;
  let reverter: Address;

  before(async () => {
    chain = await startLocalChain();
    emitter = await chain.deploy(EMITTER_CODE);
    reverter = await chain.deploy(REVERTER_CODE);
  });
  after(() => chain.stop());

  const create = (index: number, options: Partial<Parameters<typeof createTransactor>[0]> = {}) =>
    createTransactor({
      walletClient: chain.walletOf(index),
      publicClient: chain.publicClient,
      logger,
      pollMs: 5,
      ...options,
    });
  const note = (signal?: AbortSignal) =>
    ({ address: emitter, abi, functionName: "note", args: [word, word], signal }) as const;
  /** Resolves when the node's pool holds `count` transactions of any account. */
  const pooled = async (count: number) => {
    for (;;) {
      const block = await chain.publicClient.getBlock({ blockTag: "pending" });
      if (block.transactions.length >= count) return block.transactions;
    }
  };

  it("sends many calls at once, one nonce each, and tells what they cost", async () => {
    const transactor = create(1);
    const sends = Array.from({ length: 5 }, () => transactor.send(note()));
    await pooled(5);
    assert.equal(transactor.pending(), 5);
    await chain.mine();
    const results = await Promise.all(sends);
    const transactions = await Promise.all(
      results.map(({ hash }) => chain.publicClient.getTransaction({ hash })),
    );
    assert.deepEqual(transactions.map(({ nonce }) => nonce).sort(), [0, 1, 2, 3, 4]);
    for (const result of results) {
      assert.equal(result.gasUsed, result.receipt.gasUsed);
      assert.ok(result.gasUsed > 21_000n);
      assert.deepEqual(result.logs[0]?.topics.length, 2);
    }
    assert.equal(transactor.pending(), 0);
  });

  it("waits as long as the chain stands still, and until the transaction is deep enough", async () => {
    const transactor = create(2, { confirmations: 2 });
    let done = false;
    const sent = transactor.send(note()).then((result) => {
      done = true;
      return result;
    });
    await pooled(1);
    await chain.mine();
    const head = await chain.publicClient.getBlockNumber({ cacheTime: 0 });
    await chain.mine();
    assert.equal(done, false);
    await chain.mine();
    assert.equal((await sent).blockNumber, head);
  });

  /** Sends a call of the contract that reverts with its calldata, which is made to be `data`. */
  const revertWith = (index: number, data: Hex) => {
    const client = createPublicClient({
      chain: hardhat,
      transport: custom({
        request({ method, params }) {
          const [call, ...rest] = params ?? [];
          const edited = method === "eth_call" ? [{ ...call, data }, ...rest] : params;
          return chain.publicClient.request({ method, params: edited });
        },
      }),
    });
    return create(index, { publicClient: client }).send({
      address: reverter,
      abi,
      functionName: "any",
      args: [],
    });
  };

  it("refuses a call that would revert before it costs anything, by the name of the error", async () => {
    const data = encodeErrorResult({ abi, errorName: "OwnError", args: [7, 9n] });
    await assert.rejects(revertWith(3, data), (error: unknown) => {
      assert.ok(error instanceof MemoError);
      assert.equal(error.code, "CONTRACT_OwnError");
      assert.deepEqual(error.details.args, [7, 9n]);
      return /OwnError\(7, 9\)/.test(error.message);
    });
    const { address } = chain.walletOf(3).account;
    assert.equal(await chain.publicClient.getTransactionCount({ address, blockTag: "pending" }), 0);
  });

  it("knows the errors of the other contracts of a group, and says so when it knows none", async () => {
    const known = encodeErrorResult({ abi: stakingAbi, errorName: "KeeperUnknown", args: [3] });
    await assert.rejects(revertWith(3, known), { code: "CONTRACT_KeeperUnknown" });
    await assert.rejects(revertWith(3, "0xdeadbeef"), { code: "CONTRACT_REVERTED" });
  });

  it("tells that it failed when it was mined although it passed before", async () => {
    const transactor = create(4);
    // Zero bytes, since others cost more as calldata than what the call itself needs.
    const zero = `0x${"00".repeat(32)}` as const;
    const failed = assert.rejects(transactor.send({ ...note(), args: [zero, zero], gas: 22_000n }), {
      code: "CONTRACT_REVERTED",
    });
    await pooled(1);
    await chain.mine();
    await failed;
    const next = transactor.send(note());
    await pooled(1);
    await chain.mine();
    assert.equal((await next).receipt.status, "success");
  });

  it("raises the fees of a transaction that waits for too many blocks, and takes whichever is mined", async () => {
    const transactor = create(5, { bumpAfterBlocks: 3 });
    const sent = transactor.send(note());
    const [first] = await pooled(1);
    // Blocks without room for it: the chain goes on, the transaction does not.
    await chain.test.setBlockGasLimit({ gasLimit: 21_000n });
    await chain.mine(3);
    await chain.test.setBlockGasLimit({ gasLimit: 30_000_000n });
    let replaced = first;
    while (replaced === first) [replaced] = await pooled(1);
    await chain.mine();
    const { hash } = await sent;
    assert.equal(hash, replaced);
    assert.notEqual(hash, first);
  });

  it("stops waiting when told, and does not use the same nonce again", async () => {
    const transactor = create(6);
    const controller = new AbortController();
    const sent = transactor.send(note(controller.signal));
    await pooled(1);
    controller.abort(new MemoError("ENOUGH", "enough"));
    await assert.rejects(sent, { code: "ENOUGH" });
    const second = transactor.send(note());
    await pooled(2);
    await chain.mine();
    const { nonce } = await chain.publicClient.getTransaction({ hash: (await second).hash });
    assert.equal(nonce, 1);
  });

  it("gives no nonce twice although the node does not count what it has pooled", async () => {
    const forgetful = createPublicClient({
      chain: hardhat,
      transport: custom({
        request({ method, params }) {
          const latest = method === "eth_getTransactionCount" ? [params[0], "latest"] : params;
          return chain.publicClient.request({ method, params: latest });
        },
      }),
    });
    const transactor = create(9, { publicClient: forgetful });
    const sends = Promise.all([transactor.send(note()), transactor.send(note())]);
    await pooled(2);
    await chain.mine();
    const [first, second] = await sends;
    assert.notEqual(first.hash, second.hash);
  });

  it("says that the key is used by another program when its nonce is gone", async () => {
    const transactor = create(7);
    const sent = transactor.send(note());
    const [hash] = await pooled(1);
    await chain.test.dropTransaction({ hash: hash as Hex });
    await chain.walletOf(7).sendTransaction({ to: emitter, data: `${word}${word.slice(2)}`, gas: 100_000n });
    await chain.mine();
    await assert.rejects(sent, { code: "TRANSACTION_REPLACED" });
  });

  it("says that an account has no coin, that the node is away, and that it was closed", async () => {
    const poor = createWalletClient({
      account: privateKeyToAccount(generatePrivateKey()),
      chain: hardhat,
      transport: custom(chain.publicClient),
    });
    await assert.rejects(create(0, { walletClient: poor }).send(note()), { code: "FUNDS_INSUFFICIENT" });
    const away = createPublicClient({
      transport: custom(
        { request: () => Promise.reject(new Error("connection refused")) },
        { retryCount: 0 },
      ),
    });
    const metrics = createMetrics({ prefix: "test" });
    await assert.rejects(create(0, { publicClient: away, metrics }).send(note()), {
      code: "CHAIN_UNAVAILABLE",
      retryable: true,
    });
    assert.match(await metrics.registry.metrics(), /function="note",outcome="CHAIN_UNAVAILABLE"\} 1/);
    const closed = create(8);
    const waiting = assert.rejects(closed.send(note()), { code: "TRANSACTOR_CLOSED" });
    await pooled(1);
    closed.close();
    await waiting;
    await assert.rejects(closed.send(note()), { code: "TRANSACTOR_CLOSED" });
    await chain.mine();
  });
});
