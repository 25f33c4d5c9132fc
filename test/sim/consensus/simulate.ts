import { type Hex, keccak256, stringToBytes } from "viem";
import { createDriver, type Driver } from "../../../keeper/consensus/driver.ts";
import type { Decision, Restored } from "../../../keeper/consensus/effects.ts";
import type { JournalEntry } from "../../../keeper/consensus/journal.ts";
import { createInstance } from "../../../keeper/consensus/machine.ts";
import { encodeHoldings, valueDigest } from "../../../keeper/consensus/messageEncoding.ts";
import type { ConsensusMessage, Draft } from "../../../keeper/consensus/messages.ts";
import type { InstanceContext } from "../../../keeper/consensus/value.ts";
import { quorumOf } from "../../../protocol/certificate.ts";
import { createSilentLogger } from "../../../protocol/runtime/logger.ts";
import { createQueue } from "../queue.ts";
import { createRandom, type Random } from "../random.ts";
import { type Byzantine, type ByzantineStyle, createByzantine, RANDOM_STYLES } from "./byzantine.ts";
import { createBook, drawProviders, fillBook, type SimBook, type SimProvider } from "./world.ts";

/** The code under simulation; mutants replace it. */
export type Subject = { createInstance: typeof createInstance; createDriver: typeof createDriver };
export const SUBJECT: Subject = { createInstance, createDriver };

export type SimulationResult = {
  readonly seed: number;
  /** Broken properties in words; empty when all held. */
  readonly violations: readonly string[];
  readonly decided: number;
  /** Highest round that decided. */
  readonly round: number;
  readonly messages: number;
  readonly crashes: number;
};

const EPOCH = 7;
const TICK_MS = 400;
/** After stabilisation every correct keeper must have decided within this time. */
const LIVENESS_MS = 400_000;
const logger = createSilentLogger();

class Crash extends Error {}

type Node = {
  readonly index: number;
  book: SimBook;
  /** The book as of the signing of the inventory. */
  durable: SimBook;
  driver: Driver | null;
  /** Counts restarts: timers of an earlier life are void. */
  life: number;
  readonly journal: Map<string, JournalEntry>;
  lock: Restored["lock"];
  decision: Decision | null;
};

/** One epoch to be decided, by whom and about what. */
export type SimulatedInstance = {
  readonly random: Random;
  readonly epoch: number;
  /** Seed of the epoch. */
  readonly seed: Hex;
  readonly members: number;
  readonly providers: readonly SimProvider[];
  /** Style of each byzantine member, drawn when it starts. */
  readonly byzantine: ReadonlyMap<number, () => ByzantineStyle>;
  /** Members that are down for the whole epoch. */
  readonly down?: ReadonlySet<number>;
  readonly masked?: number;
  readonly plan?: (self: number) => InstanceContext["plan"];
  readonly subject?: Subject;
  /** Sees whatever arrives at a correct member. */
  readonly onReceived?: (to: number, message: ConsensusMessage) => void;
};

export type InstanceResult = Omit<SimulationResult, "seed"> & {
  /** Of correct members that decided. */
  readonly decisions: ReadonlyMap<number, Decision>;
};

/** Runs one epoch with up to f byzantine keepers of random styles. */
export async function simulate(options: {
  seed: number;
  members: number;
  subject?: Subject;
}): Promise<SimulationResult> {
  const { seed, members, subject = SUBJECT } = options;
  const random = createRandom(seed);
  const quorum = quorumOf(members);
  const faults = random.chance(0.75) ? members - quorum : random.below(members - quorum + 1);
  const order = random.shuffle(Array.from({ length: members }, (_, index) => index));
  const { decisions: _decisions, ...result } = await simulateInstance({
    ...{ random, members, subject, epoch: EPOCH },
    seed: keccak256(stringToBytes(`seed ${seed}`)),
    providers: drawProviders(random),
    byzantine: new Map(order.slice(0, faults).map((member) => [member, () => random.pick(RANDOM_STYLES)])),
  });
  return { seed, ...result };
}

/**
 * Runs one epoch on a network that drops, delays, duplicates and reorders until it stabilises, with crashes
 * and restarts, and checks what must hold.
 */
export async function simulateInstance(options: SimulatedInstance): Promise<InstanceResult> {
  const { random, epoch, members, providers, subject = SUBJECT } = options;
  const quorum = quorumOf(members);
  const stableAt = random.below(12_000);
  const loss = random.pick([0, 0.05, 0.2, 0.4]);
  const maxDelay = random.pick([20, 300, 2_500]);
  const crashRate = random.pick([0, 0.02, 0.08]);
  const violations = new Set<string>();
  const signed = new Map<string, Hex>();
  const certificates = new Map<string, { votes: Set<number>; content: string }>();
  const queue = createQueue();
  let messages = 0;
  let crashes = 0;

  const context = (self: number): InstanceContext => ({
    epoch,
    term: 0,
    seed: options.seed,
    members,
    self,
    set: providers.map(({ provider, pairs }) => ({ provider, pairs })),
    masked: options.masked ?? 0,
    plan: options.plan?.(self) ?? (() => ({ lost: [], offers: [] })),
    timing: { collectMs: 250, demandMs: 120, roundMs: 1_000 },
  });

  const transmit = (to: number, message: ConsensusMessage) => {
    messages++;
    observe(message);
    const stable = queue.now() >= stableAt;
    const copies = stable ? 1 : random.chance(loss) ? 0 : random.chance(0.1) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const delay = stable ? 1 + random.below(40) : random.below(maxDelay);
      queue.after(delay, () => receive(to, message));
    }
  };

  /** Whatever is sent can be used by anybody: certificates are counted over all commits ever sent. */
  const observe = (message: ConsensusMessage) => {
    if (message.type !== "commit") return;
    const { round, leader, ...content } = message.certificate;
    const key = JSON.stringify(message.certificate);
    const entry = certificates.get(key) ?? { votes: new Set(), content: JSON.stringify(content) };
    entry.votes.add(message.member);
    certificates.set(key, entry);
  };

  const nodes = new Map<number, Node>();
  const byzantines = new Map<number, Byzantine>();

  const receive = async (to: number, message: ConsensusMessage) => {
    byzantines.get(to)?.receive(message);
    const node = nodes.get(to);
    if (node?.driver) {
      options.onReceived?.(to, message);
      node.driver.deliver(message);
      await settle(node);
    }
  };

  const settle = async (node: Node) => {
    for (let turn = 0; turn < 2; turn++) {
      await null;
      await node.driver?.idle();
    }
  };

  const maybeCrash = (where: string) => {
    if (queue.now() < stableAt && random.chance(crashRate)) throw new Crash(where);
  };

  const boot = (node: Node) => {
    node.life++;
    const { life } = node;
    const drafts = [...node.journal.values()].map(({ draft }) => draft);
    const restored = drafts.length === 0 ? undefined : { drafts, lock: node.lock };
    node.driver = subject.createDriver({
      instance: subject.createInstance(context(node.index), node.book, restored),
      journal: {
        record(entry) {
          maybeCrash("before the journal");
          const key = `${entry.round}/${entry.type}`;
          const earlier = node.journal.get(key);
          if (earlier !== undefined && earlier.digest !== entry.digest) {
            violations.add(`member ${node.index} tried to sign two ${entry.type}s in round ${entry.round}`);
            throw new Crash("journal conflict");
          }
          node.journal.set(key, entry);
          if (entry.type === "inventory") node.durable = node.book.copy();
          if (entry.lock !== undefined) node.lock = entry.lock;
          maybeCrash("after the journal");
        },
      },
      signer: {
        digest: mockDigest,
        async sign(draft) {
          const key = `${draft.type}/${node.index}/${draft.type === "commit" ? draft.certificate.round : "round" in draft ? draft.round : 0}`;
          const digest = mockDigest(draft);
          if (draft.type !== "sync" && (signed.get(key) ?? digest) !== digest) {
            violations.add(`correct member signed two ${key}`);
          }
          signed.set(key, digest);
          maybeCrash("after signing");
          return signatureOf(node.index);
        },
        isAuthentic: async () => true,
      },
      broadcast: (message) => {
        for (let to = 0; to < members; to++) if (to !== node.index) transmit(to, message);
      },
      send: transmit,
      setTimer: (ms, callback) =>
        queue.after(ms * (0.9 + random.next() * 0.2), async () => {
          if (node.life !== life || node.driver === null) return;
          callback();
          await settle(node);
        }),
      verifyProofs: async (proofs) => node.book.verify(proofs),
      fetchProofs: async (from, wants) => {
        const source = nodes.get(from)?.book;
        if (source === undefined || random.chance(queue.now() < stableAt ? loss : 0)) return;
        for (const { provider, holding } of wants) {
          if (holding === "whole" && source.whole(provider)) node.book.addWhole(provider);
          const { pairs } = providers.find((each) => each.provider === provider)!;
          for (let pair = 0; pair < pairs; pair++)
            if (source.part(provider, pair)) node.book.addPair(provider, pair);
        }
      },
      onDecision: (decision) => {
        node.decision = decision;
      },
      onFailure: (error) => {
        if (!(error instanceof Crash)) throw error;
        crash(node);
      },
      logger,
    });
    node.driver.start();
  };

  const crash = (node: Node) => {
    crashes++;
    node.driver?.stop();
    node.driver = null;
    node.life++;
    // What came in after the inventory may be forgotten; what the inventory names was durable before it.
    if (random.chance(0.5)) node.book = node.durable.copy();
    const restartAt = Math.min(queue.now() + random.below(6_000), stableAt);
    queue.after(Math.max(0, restartAt - queue.now()), async () => {
      boot(node);
      await settle(node);
    });
  };

  for (let index = 0; index < members; index++) {
    const startAt = random.below(600);
    if (options.down?.has(index)) continue;
    const drawStyle = options.byzantine.get(index);
    if (drawStyle !== undefined) {
      const book = createBook(providers);
      for (const { provider, pairs, conduct } of providers) {
        if (conduct === "good" || conduct === "flaky") book.addWhole(provider);
        if (conduct !== "silent" && pairs > 1) {
          for (let pair = 0; pair < pairs; pair++) book.addPair(provider, pair);
        }
      }
      const byzantine = createByzantine({
        context: context(index),
        style: drawStyle(),
        book,
        random,
        sign: (draft) => ({ ...draft, signature: signatureOf(index) }) as ConsensusMessage,
        send: transmit,
      });
      byzantines.set(index, byzantine);
      queue.after(startAt, () => byzantine.start());
      for (let at = TICK_MS; at < 20_000; at += TICK_MS) queue.after(at, () => byzantine.tick());
    } else {
      const book = createBook(providers);
      fillBook(book, providers, random);
      const node: Node = {
        index,
        book,
        durable: book.copy(),
        driver: null,
        life: 0,
        journal: new Map(),
        lock: null,
        decision: null,
      };
      nodes.set(index, node);
      queue.after(startAt, async () => {
        boot(node);
        await settle(node);
      });
    }
  }

  const done = () => [...nodes.values()].every(({ decision }) => decision !== null);
  await queue.run(() => done() || queue.now() > stableAt + LIVENESS_MS);

  if (!done()) violations.add("no decision after stabilisation");
  check(providers, [...nodes.values()], certificates, quorum, violations);
  const rounds = [...nodes.values()].flatMap(({ decision }) => decision?.certificate.round ?? []);
  return {
    violations: [...violations],
    decided: rounds.length,
    round: Math.max(-1, ...rounds),
    messages,
    crashes,
    decisions: new Map(
      [...nodes].flatMap(([index, { decision }]) => (decision === null ? [] : [[index, decision] as const])),
    ),
  };
}

function check(
  providers: readonly SimProvider[],
  nodes: readonly Node[],
  certificates: ReadonlyMap<string, { votes: Set<number>; content: string }>,
  quorum: number,
  violations: Set<string>,
): void {
  const certified = new Set<string>();
  for (const { votes, content } of certificates.values()) if (votes.size >= quorum) certified.add(content);
  for (const { decision } of nodes) {
    if (decision === null) continue;
    const { round, leader, ...content } = decision.certificate;
    certified.add(JSON.stringify(content));
    if (decision.commits.length < quorum) violations.add("decided without a quorum");
    for (const leaf of decision.outcome?.results ?? []) {
      const { conduct } = providers.find(({ provider }) => provider === leaf.provider)!;
      if (conduct === "good" && leaf.verdict !== 1)
        violations.add(`good provider ${leaf.provider} marked missed`);
      if (conduct === "silent" && leaf.verdict !== 2)
        violations.add(`silent provider ${leaf.provider} passed`);
    }
  }
  if (certified.size > 1) violations.add("two different certificates for one epoch");
}

function signatureOf(member: number): Uint8Array {
  return new Uint8Array(64).fill(member + 1);
}

function mockDigest(draft: Draft): Hex {
  switch (draft.type) {
    case "inventory":
      return keccak256(encodeHoldings(draft.holdings));
    case "proposal":
      return valueDigest(draft.value);
    case "prepare":
      return draft.digest;
    case "commit":
      return JSON.stringify(draft.certificate) as Hex;
    case "roundChange":
      return `0x${draft.prepared?.round ?? ""}${draft.prepared?.digest ?? ""}` as Hex;
    case "sync":
      return "0x";
  }
}
