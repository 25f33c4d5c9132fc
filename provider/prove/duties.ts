import type { Hex } from "viem";
import type { ShardRef } from "../../protocol/challenge/sample.ts";
import type { Logger } from "../../protocol/runtime/logger.ts";
import type { ProofMessage } from "../../protocol/wire/proofMessage.ts";
import type { Answered } from "./answer.ts";

/** A challenge that is open: its seed is final, its cut-off is not. */
type Duty = {
  readonly epoch: number;
  readonly seed: Hex;
  readonly controller: AbortController;
  /** Keepers that have acknowledged the proof. */
  readonly delivered: Set<string>;
  running: boolean;
  message: ProofMessage | undefined;
};

export type Duties = {
  /** A seed is final: from now on the epoch's challenge can be answered. */
  open(epoch: number, seed: Hex): void;
  /** The cut-off is final: an answer is of no use any more. */
  close(epoch: number): void;
  /**
   * Starts whatever can be done now; call it once for every final block, when caught up with the chain.
   * What fails is tried again at the next call.
   */
  run(): void;
  /** Duties that are being worked on. */
  pending(): number;
  /** Epochs that are open now. */
  openEpochs(): number[];
  /** Whether the answer of an epoch is held back. */
  holdsBack(epoch: number): boolean;
  /** Ends all work and waits for it. */
  stop(): Promise<void>;
};

/** Answers every challenge between its seed and its cut-off and brings the answer to all keepers. */
export function createDuties(deps: {
  challenge(epoch: number): Promise<readonly ShardRef[]>;
  answer(
    epoch: number,
    seed: Hex,
    challenge: readonly ShardRef[],
    signal: AbortSignal,
  ): Promise<Answered | undefined>;
  publish(message: ProofMessage): Promise<unknown>;
  /** Endpoints of the keepers that judge the epoch. */
  keepers(epoch: number): readonly string[];
  submit(endpoint: string, message: ProofMessage, signal: AbortSignal): Promise<unknown>;
  logger: Logger;
  observe(outcome: "answered" | "partial" | "nothing" | "failed", seconds: number): void;
  /** Waited for before an answer leaves: holds it back in tests of slowness. */
  beforeProof?: ((message: ProofMessage) => Promise<void>) | undefined;
}): Duties {
  const { logger } = deps;
  const duties = new Map<number, Duty>();
  const working = new Set<Promise<void>>();
  const heldBack = new Set<number>();

  const produce = async (duty: Duty): Promise<void> => {
    const started = performance.now();
    const seconds = () => (performance.now() - started) / 1_000;
    const challenge = await deps.challenge(duty.epoch);
    if (challenge.length === 0) return;
    const answered = await deps.answer(duty.epoch, duty.seed, challenge, duty.controller.signal);
    if (answered === undefined) {
      deps.observe("nothing", seconds());
      logger.error({ epoch: duty.epoch, shards: challenge.length }, "no challenged shard can be proven");
      return;
    }
    const lost = answered.uncovered.length;
    deps.observe(lost > 0 ? "partial" : "answered", seconds());
    if (lost > 0) logger.error({ epoch: duty.epoch, uncovered: lost }, "a proof leaves out shards");
    else logger.info({ epoch: duty.epoch, shards: challenge.length, seconds: seconds() }, "proof made");
    await holdBack(duty, answered.message);
    duty.message = answered.message;
    await deps.publish(answered.message).catch((error: unknown) => {
      logger.warn({ error, epoch: duty.epoch }, "proof could not be published; it goes to keepers directly");
    });
  };

  /** Nothing is worked on meanwhile, so this does not count as pending. */
  const holdBack = async (duty: Duty, message: ProofMessage): Promise<void> => {
    if (deps.beforeProof === undefined) return;
    const { signal } = duty.controller;
    const aborted = Promise.withResolvers<never>();
    const onAbort = () => aborted.reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    heldBack.add(duty.epoch);
    try {
      signal.throwIfAborted();
      await Promise.race([deps.beforeProof(message), aborted.promise]);
    } finally {
      heldBack.delete(duty.epoch);
      signal.removeEventListener("abort", onAbort);
    }
  };

  const deliver = async (duty: Duty, message: ProofMessage): Promise<void> => {
    const missing = deps.keepers(duty.epoch).filter((endpoint) => !duty.delivered.has(endpoint));
    await Promise.all(
      missing.map(async (endpoint) => {
        try {
          await deps.submit(endpoint, message, duty.controller.signal);
          duty.delivered.add(endpoint);
        } catch (error) {
          if (duty.controller.signal.aborted) return;
          logger.warn(
            { error, epoch: duty.epoch, endpoint },
            "a keeper did not take the proof; trying again",
          );
        }
      }),
    );
  };

  const work = async (duty: Duty): Promise<void> => {
    duty.running = true;
    try {
      if (duty.message === undefined) await produce(duty);
      if (duty.message !== undefined) await deliver(duty, duty.message);
    } catch (error) {
      if (duty.controller.signal.aborted) return;
      deps.observe("failed", 0);
      logger.error({ error, epoch: duty.epoch }, "a challenge could not be answered; trying again");
    } finally {
      duty.running = false;
    }
  };

  const close = (epoch: number) => {
    duties.get(epoch)?.controller.abort(new DOMException("the cut-off has passed", "AbortError"));
    duties.delete(epoch);
  };

  return {
    close,
    open(epoch, seed) {
      const controller = new AbortController();
      duties.set(epoch, {
        epoch,
        seed,
        controller,
        delivered: new Set(),
        running: false,
        message: undefined,
      });
    },
    run() {
      for (const duty of duties.values()) {
        if (duty.running) continue;
        const task = work(duty).finally(() => working.delete(task));
        working.add(task);
      }
    },
    pending: () => working.size - heldBack.size,
    openEpochs: () => [...duties.keys()],
    holdsBack: (epoch) => heldBack.has(epoch),
    async stop() {
      for (const epoch of [...duties.keys()]) close(epoch);
      await Promise.all(working);
    },
  };
}
