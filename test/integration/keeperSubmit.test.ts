import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createWalletClient, custom, hexToBytes, keccak256, stringToHex } from "viem";
import { hardhat } from "viem/chains";
import { submissionOrder } from "../../keeper/consensus/schedule.ts";
import type { EpochRecord } from "../../keeper/store.ts";
import { createSubmitter } from "../../keeper/submit/submitter.ts";
import type { Certificate } from "../../protocol/certificate.ts";
import { createBlockSource } from "../../protocol/chain/blockSource.ts";
import { createChainFollower } from "../../protocol/chain/follower.ts";
import { groupContracts } from "../../protocol/chain/groupContracts.ts";
import { applyBlock, createGroupState } from "../../protocol/chain/groupState.ts";
import type { Milestone } from "../../protocol/chain/groupTypes.ts";
import { createTransactor } from "../../protocol/chain/transactor.ts";
import { exceptionChunks, exceptionsOf, exceptionsRoot } from "../../protocol/results/exceptions.ts";
import { VERDICT } from "../../protocol/results/judge.ts";
import { type ResultLeaf, resultsRoot } from "../../protocol/results/results.ts";
import { createLogger, createSilentLogger } from "../../protocol/runtime/logger.ts";
import { createGroup } from "../support/contracts/group.ts";

const MEMBERS = 4;
const STANDBY = 3;
const SEED = keccak256(stringToHex("seed"));
/** Roster indexes in the order in which they submit what was decided in round 0. */
const ORDER = submissionOrder(SEED, 0, MEMBERS);

const missed = (count: number): ResultLeaf[] =>
  Array.from({ length: count }, (_, index) => ({
    provider: index + 1,
    verdict: VERDICT.missed,
    cover: Uint8Array.of(0),
    parts: [],
  }));

/** A real group, followed as keepers follow it, with as many submitters as a test asks for. */
async function startWorld(t: TestContext, options: { rotate?: boolean } = {}) {
  const group = await createGroup({ keepers: MEMBERS, providers: 2, ...options });
  const { chain, settlement, keepers } = group;
  const { publicClient } = chain;
  const stopping = new AbortController();
  const logger = createSilentLogger();
  const treasury = group.deployer.address;
  const deployed = {
    ...{ groupId: 1, staking: group.staking, orders: group.orders, settlement, startBlock: 0 },
    parameters: { ...group.parameters, genesis: group.genesis, token: group.token, treasury },
  };
  const source = createBlockSource({ client: publicClient, confirmations: 0, pollMs: 1, logger });
  const contracts = groupContracts(deployed);
  const { chainId } = chain;
  const follower = createChainFollower({
    ...{ source, chainId, contracts, startBlock: 0, store: ":memory:", logger },
  });
  let state = createGroupState({ chainId, group: deployed });
  const seen: Milestone[] = [];
  const following = (async () => {
    for await (const block of follower.blocks(stopping.signal)) {
      const applied = applyBlock(state, block);
      state = applied.state;
      seen.push(...applied.milestones);
    }
  })().catch((error: unknown) => error);
  t.after(async () => {
    stopping.abort(new Error("stopped"));
    await following;
    source.close();
    follower.close();
    await chain.close();
  });

  /** Blocks until the state is that of the newest block, whose number it returns. */
  async function read(): Promise<number> {
    const newest = Number(await publicClient.getBlockNumber({ cacheTime: 0 }));
    while (state.head?.number !== newest) await setImmediate();
    return newest;
  }
  async function mine(blocks: number): Promise<number> {
    // One by one: several at once are reserved blocks, whose parent hashes do not link.
    for (let mined = 0; mined < blocks; mined++) await chain.helpers.mine();
    return await read();
  }

  const sent: string[] = [];
  const failures: unknown[] = [];
  function submitter(member: number, results?: readonly ResultLeaf[]) {
    const { account } = keepers[member]!;
    const transport = custom({ request: (request) => publicClient.request(request) });
    const log = createLogger({
      name: "submitter",
      level: "warn",
      destination: { write: (line: string) => failures.push(JSON.parse(line)) },
    });
    const transactor = createTransactor({
      ...{ publicClient, logger, pollMs: 1 },
      walletClient: createWalletClient({ account, chain: hardhat, transport }),
    });
    const created = createSubmitter({
      ...{ publicClient, transactor, settlement, operator: account.address, signal: stopping.signal },
      state: () => state,
      resultsOf: () => results,
      placeOf: () => ({ seed: SEED, self: member, members: MEMBERS }),
      standbyBlocks: STANDBY,
      onSubmitted: (what) => sent.push(`${member} ${what}`),
      logger: log,
    });
    return {
      async decided(record: EpochRecord) {
        created.decided(record, SEED, member, MEMBERS);
        await created.settled();
        return await read();
      },
      async tick(block: number) {
        created.tick(block);
        await created.settled();
        return await read();
      },
    };
  }

  async function decide(epoch: number, results: readonly ResultLeaf[] = []): Promise<EpochRecord> {
    await group.toEpoch(epoch);
    const leaves = exceptionsOf(results);
    const certificate: Certificate = group.certificate(epoch, {
      ...{ resultsRoot: resultsRoot(results), exceptionsRoot: exceptionsRoot(leaves) },
      exceptions: leaves.length,
    });
    const [signers, row] = await group.signatures(certificate, [0, 1, 2]);
    const all = hexToBytes(row);
    const signatures = [0, 1, 2].map((index) => all.slice(index * 64, (index + 1) * 64));
    await read();
    return { epoch, certificate, signers, signatures, results };
  }

  const milestones = <Type extends Milestone["type"]>(type: Type) =>
    seen.filter((each): each is Extract<Milestone, { type: Type }> => each.type === type);
  return { group, read, mine, submitter, decide, sent, failures, milestones, state: () => state };
}

describe("the certificate of a decided epoch", () => {
  it("is sent at once by the first in the order, and by nobody again", async (t) => {
    const { submitter, decide, sent, failures, milestones, mine } = await startWorld(t);
    const record = await decide(1);
    const [first, second] = [submitter(ORDER[0]!), submitter(ORDER[1]!)];
    await first.decided(record);
    await second.decided(record);
    await second.tick(await mine(10 * STANDBY));
    await submitter(ORDER[0]!).decided(record);
    assert.deepEqual(sent, [`${ORDER[0]} certificate`]);
    assert.equal(milestones("certified")[0]?.certificate.epoch, 1);
    assert.deepEqual(failures, []);
  });

  it("is sent by the next one when standbyBlocks have passed without it", async (t) => {
    const { submitter, decide, sent, mine, read, state } = await startWorld(t);
    const record = await decide(1);
    const third = submitter(ORDER[2]!);
    await third.decided(record);
    await third.tick(await read());
    await third.tick(await mine(2 * STANDBY - 1));
    assert.deepEqual(sent, []);
    await third.tick(await mine(1));
    assert.deepEqual(sent, [`${ORDER[2]} certificate`]);
    assert.equal(state().lastCertified, 1);
  });
});

describe("the exceptions of a certified epoch", () => {
  const chunks = (applied: { from: number; to: number }[]) => applied.map(({ from, to }) => [from, to]);

  it("are applied by the certificate's submitter, as many transactions as it takes", async (t) => {
    const { submitter, decide, sent, failures, milestones, state } = await startWorld(t);
    const record = await decide(1, missed(120));
    const first = submitter(ORDER[0]!, record.results);
    await first.tick(await first.decided(record));
    assert.deepEqual(chunks(milestones("exceptionsApplied")), [
      [0, 50],
      [50, 100],
      [100, 120],
    ]);
    assert.deepEqual(
      sent,
      ["certificate", ...Array(3).fill("exceptions")].map((what) => `${ORDER[0]} ${what}`),
    );
    assert.deepEqual(
      milestones("missed").map(({ provider }) => provider),
      [1, 2],
      "of the providers that are registered",
    );
    assert.deepEqual(state().finished.get(1), { lapsed: false, gap: 0, dead: 0 });
    assert.deepEqual(failures, []);
  });

  it("go on after what somebody else applied", async (t) => {
    const { group, submitter, decide, milestones, failures, read } = await startWorld(t);
    const record = await decide(1, missed(70));
    const first = submitter(ORDER[0]!, record.results);
    await first.decided(record);
    const [chunk] = exceptionChunks(exceptionsOf(record.results), 0, 8);
    await group.onSettlement("applyExceptions", [1, chunk!.leaves, chunk!.proof]);
    await first.tick(await read());
    assert.deepEqual(chunks(milestones("exceptionsApplied")), [
      [0, 8],
      [8, 58],
      [58, 70],
    ]);
    assert.deepEqual(failures, []);
  });

  it("are applied by others in their order when the submitter does not", async (t) => {
    const { submitter, decide, sent, mine, state } = await startWorld(t);
    const record = await decide(1, missed(2));
    const block = await submitter(ORDER[0]!).decided(record);
    const second = submitter(ORDER[1]!, record.results);
    await second.tick(block);
    await second.tick(await mine(2 * STANDBY - 1));
    assert.equal(state().finished.has(1), false);
    await second.tick(await mine(1));
    assert.deepEqual(sent, [`${ORDER[0]} certificate`, `${ORDER[1]} exceptions`]);
    assert.equal(state().finished.get(1)?.lapsed, false);
  });

  it("do not lapse while seconds of the window are left, however many blocks there were", async (t) => {
    const { group, submitter, decide, sent, failures, mine } = await startWorld(t);
    const record = await decide(1, missed(2));
    const first = submitter(ORDER[0]!);
    await first.decided(record);
    const { certifiedAt } = await group.read.settlement<{ certifiedAt: number }>("pendingAt", [0n]);
    const blocks = group.parameters.applyWindowBlocks + 5;
    await first.tick(await mine(blocks));
    assert.ok((await group.chain.time()) <= certifiedAt + group.parameters.applyWindow);
    assert.deepEqual(sent, [`${ORDER[0]} certificate`]);
    assert.deepEqual(failures, [], "it was not even tried");
  });

  it("lapse when nobody has the results, once both windows are over and not before", async (t) => {
    const { group, submitter, decide, sent, failures, mine, state } = await startWorld(t);
    const record = await decide(1, missed(2));
    const first = submitter(ORDER[0]!);
    await first.tick(await first.decided(record));
    const { applyWindow, applyWindowBlocks } = group.parameters;
    // A block of its own holds the new time.
    await group.chain.helpers.time.increase(applyWindow + 1);
    await first.tick(await mine(applyWindowBlocks - 1));
    assert.equal(state().finished.has(1), false, "enough seconds, but one block too few");
    await first.tick(await mine(1));
    assert.deepEqual(sent, [`${ORDER[0]} certificate`, `${ORDER[0]} lapse`]);
    assert.equal(state().finished.get(1)?.lapsed, true);
    assert.deepEqual(failures, []);
  });
});

describe("epochs that wait behind another one", () => {
  it("are finished when one call could not finish them all", async (t) => {
    const { group, submitter, decide, failures, mine, state } = await startWorld(t);
    const record = await decide(1, missed(1));
    const first = submitter(ORDER[0]!, record.results);
    await first.decided(record);
    for (let epoch = 2; epoch <= 19; epoch++) {
      await group.toEpoch(epoch);
      await group.certify(group.certificate(epoch));
    }
    await first.tick(await mine(1));
    assert.equal(state().lastFinished, 17, "its own and sixteen more");
    await first.tick(await mine(1));
    await first.tick(await mine(STANDBY));
    assert.equal(state().lastFinished, 19);
    assert.deepEqual(failures, []);
  });
});

describe("the roster", () => {
  it("of the next term is written in a term's last epoch by the first seated keeper, once", async (t) => {
    const { group, submitter, sent, failures, milestones, mine } = await startWorld(t);
    const [first, second] = [submitter(0), submitter(1)];
    await group.toEpoch(group.parameters.termLength - 2);
    await first.tick(await mine(1));
    assert.deepEqual(sent, []);
    await group.toEpoch(group.parameters.termLength - 1);
    const block = await mine(1);
    await second.tick(block);
    await first.tick(block);
    await second.tick(await mine(STANDBY));
    assert.deepEqual(sent, ["0 roster"]);
    assert.deepEqual(
      milestones("rosterRotated").map(({ roster }) => roster.term),
      [0, 1],
    );
    assert.deepEqual(failures, []);
  });

  it("of the next term is written by the second when the first does not", async (t) => {
    const { group, submitter, sent, mine } = await startWorld(t);
    const second = submitter(1);
    await group.toEpoch(group.parameters.termLength - 1);
    await second.tick(await mine(1));
    await second.tick(await mine(STANDBY - 1));
    assert.deepEqual(sent, []);
    await second.tick(await mine(1));
    assert.deepEqual(sent, ["1 roster"]);
  });

  it("of a new group is written by the keepers themselves", async (t) => {
    const { submitter, sent, milestones, mine } = await startWorld(t, { rotate: false });
    const first = submitter(0);
    await first.tick(await mine(1));
    await first.tick(await mine(STANDBY));
    assert.deepEqual(sent, ["0 roster"]);
    assert.equal(milestones("rosterRotated")[0]?.roster.operators.length, MEMBERS);
  });
});
