import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { bytesToHex, createWalletClient, custom, hexToBytes, keccak256, stringToHex } from "viem";
import { hardhat } from "viem/chains";
import type { Equivocation } from "../../keeper/consensus/equivocation.ts";
import type { Journal } from "../../keeper/consensus/journal.ts";
import type { CommitMessage } from "../../keeper/consensus/messages.ts";
import { submissionOrder } from "../../keeper/consensus/schedule.ts";
import type { EpochRecord } from "../../keeper/store.ts";
import { createSubmitter } from "../../keeper/submit/submitter.ts";
import type { Certificate } from "../../protocol/certificate.ts";
import { createBlockSource } from "../../protocol/chain/blockSource.ts";
import { createChainFollower } from "../../protocol/chain/follower.ts";
import { groupContracts } from "../../protocol/chain/groupContracts.ts";
import { applyBlock, createGroupState } from "../../protocol/chain/groupState.ts";
import { type Milestone, maskedMembers } from "../../protocol/chain/groupTypes.ts";
import { createTransactor } from "../../protocol/chain/transactor.ts";
import { orderId } from "../../protocol/order.ts";
import {
  type ExceptionLeaf,
  type ExceptionPlan,
  exceptionChunks,
  exceptionsOf,
  exceptionsRoot,
} from "../../protocol/results/exceptions.ts";
import { VERDICT } from "../../protocol/results/judge.ts";
import { type ResultLeaf, resultsRoot } from "../../protocol/results/results.ts";
import { createLogger, createSilentLogger } from "../../protocol/runtime/logger.ts";
import { createGroup, TOKENS } from "../support/contracts/group.ts";

const MEMBERS = 4;
const STANDBY = 3;
const SEED = keccak256(stringToHex("seed"));
/** Roster indexes in the order in which they submit what was decided in round 0. */
const ORDER = submissionOrder(SEED, 0, MEMBERS);

/** Journal of a keeper that has noticed nobody sign twice. */
const NOTHING_NOTICED = { equivocations: () => [], dropEquivocation: () => undefined };

const missed = (count: number): ResultLeaf[] =>
  Array.from({ length: count }, (_, index) => ({
    provider: index + 1,
    verdict: VERDICT.missed,
    cover: Uint8Array.of(0),
    parts: [],
  }));

/** A real group, followed as keepers follow it, with as many submitters as a test asks for. */
async function startWorld(t: TestContext, options: Parameters<typeof createGroup>[0] = {}) {
  const group = await createGroup({ keepers: MEMBERS, providers: 2, ...options });
  const { chain, settlement, disputes, repairs, allowances, keepers } = group;
  const { publicClient } = chain;
  const stopping = new AbortController();
  const logger = createSilentLogger();
  const treasury = group.deployer.address;
  const deployed = {
    ...{
      groupId: 1,
      staking: group.staking,
      orders: group.orders,
      settlement,
      disputes,
      repairs,
      allowances,
    },
    startBlock: 0,
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
  const failures: { code: string }[] = [];
  function submitter(
    member: number,
    exceptions?: readonly ExceptionLeaf[],
    journal: Pick<Journal, "equivocations" | "dropEquivocation"> = NOTHING_NOTICED,
  ) {
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
      ...{ publicClient, transactor, group: deployed, operator: account.address, journal },
      signal: stopping.signal,
      state: () => state,
      exceptionsOf: () => exceptions,
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

  async function decide(
    epoch: number,
    results: readonly ResultLeaf[] = [],
    plan?: ExceptionPlan,
  ): Promise<EpochRecord> {
    await group.toEpoch(epoch);
    const leaves = exceptionsOf(results, plan);
    const certificate: Certificate = group.certificate(epoch, {
      ...{ resultsRoot: resultsRoot(results), exceptionsRoot: exceptionsRoot(leaves) },
      exceptions: leaves.length,
    });
    const [signers, row] = await group.signatures(certificate, [0, 1, 2]);
    const all = hexToBytes(row);
    const signatures = [0, 1, 2].map((index) => all.slice(index * 64, (index + 1) * 64));
    await read();
    return { epoch, certificate, signers, signatures, results, exceptions: leaves };
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
    const first = submitter(ORDER[0]!, record.exceptions);
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
    const first = submitter(ORDER[0]!, record.exceptions);
    await first.decided(record);
    const [chunk] = exceptionChunks(record.exceptions, 0, 8);
    await group.onSettlement("applyExceptions", [1, chunk!.leaves, chunk!.proof, []]);
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
    const second = submitter(ORDER[1]!, record.exceptions);
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
    const first = submitter(ORDER[0]!, record.exceptions);
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

describe("lost slots and repair offers", () => {
  /** An order of three slots in the first three providers' hands; the fourth and fifth are spare. */
  async function startLost(t: TestContext, slots = 1) {
    const world = await startWorld(t, { providers: 5 });
    const { group } = world;
    await group.onOrders("deposit", [100_000n * TOKENS]);
    const order = await group.order({
      ...{ providers: [1, 2, 3], policy: (1 << 16) | (1 << 8) | 2, stripes: 2, endEpoch: 90 },
      price: (10n ** 14n) << 32n,
      manifest: { firstStripe: 0, stripes: 1, length: 900n, digest: `0x${"11".repeat(32)}` },
    });
    await group.open(order);
    const id = orderId(order);
    // A holder can lose a slot once an epoch is finished in which it held it.
    await group.toEpoch(order.startEpoch);
    await group.certify(group.certificate(order.startEpoch));
    const plan = (epoch: number): ExceptionPlan => ({
      lost: Array.from({ length: slots }, (_, slot) => ({
        provider: slot + 1,
        part: 0,
        entries: [{ orderId: id, slot, stripe: 0 }],
      })),
      offers: [{ provider: 4, orderId: id, slot: 0, deadline: epoch + 4 }],
    });
    return { ...world, order, id, plan, epoch: order.startEpoch + 2 };
  }

  it("wait for two blocks after the certificate, and then change hands with one transaction", async (t) => {
    const { submitter, decide, mine, plan, epoch, id, state, sent, failures } = await startLost(t);
    const record = await decide(epoch, [], plan(epoch));
    const first = submitter(ORDER[0]!, record.exceptions);
    await first.tick(await first.decided(record));
    assert.equal(state().certificates.get(epoch)?.applied, 0, "the draw is not there yet");
    await first.tick(await mine(1));
    assert.equal(state().certificates.get(epoch)?.applied, 0);
    await first.tick(await mine(1));
    const [slot] = state().orders.get(id)!.slots;
    assert.deepEqual([slot!.holder, slot!.former, slot!.offer?.provider], [undefined, 1, 4]);
    assert.deepEqual(
      [...state().lost.values()].map(({ provider, entries }) => [provider, entries.length]),
      [[1, 1]],
    );
    assert.deepEqual(
      sent,
      ["certificate", "exceptions"].map((what) => `${ORDER[0]} ${what}`),
    );
    assert.deepEqual(failures, []);
  });

  it("settle an order first whose slot has changed hands before", async (t) => {
    const { group, submitter, decide, mine, plan, epoch, id, order, state, sent, failures, read } =
      await startLost(t);
    const record = await decide(epoch, [], plan(epoch));
    const first = submitter(ORDER[0]!, record.exceptions);
    await first.decided(record);
    await first.tick(await mine(2));
    await group.onRepairs("acceptRepair", [order, 0], group.providers[3]!.account);
    const since = (await group.read.settlement<number>("epochNow")) + 1;
    for (const certified of [since, since + 1]) {
      await group.toEpoch(certified);
      await group.certify(group.certificate(certified));
    }
    await read();
    const again = await decide(since + 3, [], {
      lost: [{ provider: 4, part: 0, entries: [{ orderId: id, slot: 0, stripe: 1 }] }],
      offers: [],
    });
    const next = submitter(ORDER[0]!, again.exceptions);
    await next.decided(again);
    await next.tick(await mine(2));
    assert.deepEqual(
      sent.slice(2),
      ["certificate", "settle", "exceptions"].map((what) => `${ORDER[0]} ${what}`),
    );
    assert.equal(state().orders.get(id)!.slots[0]!.former, 4);
    assert.deepEqual(failures, []);
  });

  it("come to nothing after the window unless appealed: somebody closes the record, once", async (t) => {
    const { group, submitter, decide, mine, plan, epoch, state, sent, failures } = await startLost(t);
    const record = await decide(epoch, [], plan(epoch));
    const first = submitter(ORDER[0]!, record.exceptions);
    await first.decided(record);
    await first.tick(await mine(2));
    const [lost] = [...state().lost.values()];
    const closers = Array.from({ length: MEMBERS }, (_, member) => submitter(member, record.exceptions));
    const tickAll = async (block: number) => {
      for (const each of closers) await each.tick(block);
    };
    const before = sent.length;
    // One second too early, with blocks enough.
    await mine(group.parameters.appealWindowBlocks + 1);
    await group.chain.helpers.time.increaseTo(lost!.deadline);
    for (let standby = 0; standby <= MEMBERS; standby++) await tickAll(await mine(STANDBY));
    assert.deepEqual(sent.slice(before), []);
    await group.chain.helpers.time.increaseTo(lost!.deadline + 1);
    await tickAll(await mine(2));
    for (let standby = 0; standby <= MEMBERS; standby++) await tickAll(await mine(STANDBY));
    assert.equal(sent.slice(before).filter((what) => what.endsWith("closeRecord")).length, 1);
    assert.ok([...state().lost.values()].every(({ status }) => status === "closed"));
    assert.deepEqual(failures, []);
  });
});

describe("a keeper that signed twice", () => {
  async function startTwice(t: TestContext) {
    const world = await startWorld(t);
    const { group, read } = world;
    await group.toEpoch(1);
    const kept = new Set<Equivocation>();
    const commit = async (certificate: Certificate): Promise<CommitMessage> => {
      const [, row] = await group.signatures(certificate, [2]);
      return { type: "commit", epoch: 1, certificate, member: 2, signature: hexToBytes(row) };
    };
    const first = await commit(group.certificate(1));
    const second = await commit(group.certificate(1, { absent: 1 }));
    kept.add({ first, second });
    const journal = {
      equivocations: () => [...kept],
      dropEquivocation: (it: Equivocation) => void kept.delete(it),
    };
    await read();
    return { ...world, kept, journal };
  }

  it("is reported by the next one on the roster, loses its stake and its vote", async (t) => {
    const { submitter, journal, kept, mine, sent, failures, milestones, state } = await startTwice(t);
    await submitter(3, undefined, journal).tick(await mine(1));
    assert.deepEqual(sent, ["3 equivocation"]);
    assert.equal(kept.size, 0);
    assert.equal(milestones("keeperSlashed").length, 1);
    assert.equal(state().keepers.get(3)?.slashed, true);
    assert.equal(maskedMembers(state(), 0), 0b0100);
    assert.deepEqual(failures, []);
  });

  it("is reported by others when that one does not, and not again", async (t) => {
    const { submitter, journal, kept, mine, sent, read } = await startTwice(t);
    const [last, other] = [submitter(1, undefined, journal), submitter(0, undefined, journal)];
    await last.tick(await read());
    await other.tick(await read());
    await last.tick(await mine(STANDBY));
    assert.deepEqual(sent, []);
    await other.tick(await read());
    assert.deepEqual(sent, ["0 equivocation"]);
    const again = [...kept];
    assert.deepEqual(again, []);
  });

  it("is forgotten when somebody else reported it, without a transaction that fails", async (t) => {
    const { group, submitter, journal, kept, mine, sent, failures } = await startTwice(t);
    const [{ first, second }] = [...kept] as [Equivocation];
    const args = [
      first.certificate,
      second.certificate,
      2,
      bytesToHex(first.signature),
      bytesToHex(second.signature),
    ];
    await group.onSettlement("reportEquivocation", args);
    await submitter(3, undefined, journal).tick(await mine(1));
    assert.equal(kept.size, 0);
    assert.deepEqual([sent, failures], [[], []]);
  });
});
