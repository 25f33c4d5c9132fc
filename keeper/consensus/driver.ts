import type { Hex } from "viem";
import { MemoError } from "../../protocol/errors.ts";
import type { Holding } from "../../protocol/results/cover.ts";
import type { Logger } from "../../protocol/runtime/logger.ts";
import type { Decision, Effect, Input, TimerName } from "./effects.ts";
import type { Journal } from "./journal.ts";
import type { Instance } from "./machine.ts";
import type { ConsensusMessage, Draft, HeldProof, Vote } from "./messages.ts";

/** Who signs and who checks signatures; the simulation injects a fast one. */
export type VoteSigner = {
  /** Digest that the signature of a draft covers. */
  digest(draft: Draft): Hex;
  /** 64-byte compact signature over the digest of a draft. */
  sign(draft: Draft): Promise<Uint8Array>;
  /** Whether every signature in the message is that of the member it names. */
  isAuthentic(message: ConsensusMessage): Promise<boolean>;
};

/** What the driver needs from the world. */
export type DriverDeps = {
  readonly instance: Instance;
  readonly journal: Pick<Journal, "record">;
  readonly signer: VoteSigner;
  readonly broadcast: (message: ConsensusMessage) => void;
  readonly send: (to: number, message: ConsensusMessage) => void;
  /** Calls back after `ms` of local time unless the driver was stopped. */
  readonly setTimer: (ms: number, callback: () => void) => void;
  /** Verifies proofs of the epoch; those that are valid enter the book. Resolves whether all are. */
  readonly verifyProofs: (proofs: readonly HeldProof[]) => Promise<boolean>;
  readonly fetchProofs: (
    from: number,
    wants: readonly { provider: number; holding: Holding }[],
  ) => Promise<void>;
  readonly onDecision: (decision: Decision) => void;
  /** Errors that end this keeper's part in the epoch, such as a journal that cannot be written. */
  readonly onFailure: (error: unknown) => void;
  readonly logger: Logger;
};

/** Runs one instance: feeds it inputs one at a time and does what it asks for. */
export type Driver = {
  start(): void;
  /** A message from anybody; it is dropped unless authentic. */
  deliver(message: ConsensusMessage): void;
  /** Tells the instance that more proofs are verified. */
  proofsChanged(): void;
  stop(): void;
  /** Resolves when nothing is left to do until the next input. */
  idle(): Promise<void>;
};

/** Inputs that may wait at once; beyond it messages are dropped, as a network would. */
const QUEUE_LIMIT = 4_096;

/** Creates the driver of an instance. */
export function createDriver(deps: DriverDeps): Driver {
  const { instance, journal, signer, logger } = deps;
  const queue: Input[] = [];
  let running: Promise<void> | null = null;
  const own = new WeakSet<ConsensusMessage>();
  let stopped = false;

  const isTrusted = async (message: ConsensusMessage) =>
    own.has(message) || (await signer.isAuthentic(message));

  const push = (input: Input) => {
    if (stopped) return;
    if (input.type === "message" && queue.length >= QUEUE_LIMIT) return;
    queue.push(input);
    running ??= run();
  };

  async function run(): Promise<void> {
    await null;
    try {
      for (let input = queue.shift(); input !== undefined && !stopped; input = queue.shift()) {
        if (input.type === "message" && !(await isTrusted(input.message))) {
          logger.warn({ type: input.message.type, member: input.message.member }, "message not authentic");
          continue;
        }
        for (const effect of instance.handle(input)) {
          if (stopped) break;
          await perform(effect);
        }
      }
    } catch (error) {
      stopped = true;
      deps.onFailure(error);
    } finally {
      running = null;
    }
  }

  async function perform(effect: Effect): Promise<void> {
    switch (effect.type) {
      case "vote":
        return vote(effect);
      case "send":
        return deps.send(effect.to, effect.message);
      case "timer":
        return startTimer(effect.name, effect.round, effect.ms);
      case "verify":
        return void verify(effect.digest, effect.proofs);
      case "offer":
        return void deps.verifyProofs(effect.proofs).then(() => push({ type: "proofs" }), ignore);
      case "fetch":
        return void deps.fetchProofs(effect.from, effect.wants).then(() => push({ type: "proofs" }), ignore);
      case "decide":
        return deps.onDecision(effect.decision);
      case "note":
        logger.warn({ ...effect, type: undefined }, `consensus: ${effect.what}`);
    }
  }

  /** Durable first: no signature exists of what the journal does not hold. */
  async function vote({ draft, lock }: Extract<Effect, { type: "vote" }>): Promise<void> {
    const digest = signer.digest(draft);
    try {
      if (draft.type !== "sync") {
        journal.record({
          epoch: draft.epoch,
          round: roundOf(draft),
          type: draft.type,
          digest,
          draft,
          ...(lock === undefined ? {} : { lock }),
        });
      }
    } catch (error) {
      if (!(error instanceof MemoError && error.code === "JOURNAL_CONFLICT")) throw error;
      logger.error({ error }, "a second, different vote was not signed");
      return;
    }
    const message = { ...draft, signature: await signer.sign(draft) } as Vote;
    deps.broadcast(message);
    own.add(message);
    queue.push({ type: "message", message });
  }

  async function verify(digest: Hex, proofs: readonly HeldProof[]): Promise<void> {
    const valid = await deps.verifyProofs(proofs).catch((error: unknown) => {
      logger.warn({ error }, "proofs of a proposal could not be verified");
      return false;
    });
    push({ type: "verified", digest, valid });
  }

  function startTimer(name: TimerName, round: number, ms: number): void {
    deps.setTimer(ms, () => push({ type: "timer", name, round }));
  }

  function ignore(error: unknown): void {
    logger.debug({ error }, "proofs could not be fetched");
  }

  return {
    start: () => push({ type: "start" }),
    deliver: (message) => push({ type: "message", message }),
    proofsChanged: () => push({ type: "proofs" }),
    stop: () => {
      stopped = true;
    },
    idle: async () => {
      while (running !== null) await running;
    },
  };
}

function roundOf(draft: Draft): number {
  if (draft.type === "inventory") return 0;
  return draft.type === "commit" ? draft.certificate.round : draft.round;
}
