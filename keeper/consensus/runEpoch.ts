import type { Address } from "viem";
import type { Roster } from "../../protocol/chain/groupTypes.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { Logger } from "../../protocol/runtime/logger.ts";
import type { Collector } from "../challenge/collector.ts";
import type { EpochProofs } from "../challenge/epochProofs.ts";
import type { Peers } from "../peers.ts";
import { createDriver, type Driver, type DriverDeps, type VoteSigner } from "./driver.ts";
import type { Decision, InstanceView } from "./effects.ts";
import type { Journal } from "./journal.ts";
import { createInstance } from "./machine.ts";
import { encodeMessage } from "./messageEncoding.ts";
import type { ConsensusMessage } from "./messages.ts";
import type { InstanceContext } from "./value.ts";

/** A running instance of an epoch on the real network. */
export type EpochRun = { readonly driver: Driver; view(): InstanceView };

/** Connects an epoch's instance to journal, peers, clock and proofs, resuming what the journal holds. */
export function runEpoch(options: {
  context: InstanceContext;
  chainId: number;
  group: Address;
  roster: Roster;
  book: EpochProofs;
  collector: Collector;
  journal: Journal;
  signer: VoteSigner;
  peers: Peers;
  clock: Clock;
  fetchProofs: DriverDeps["fetchProofs"];
  onDecision: (decision: Decision) => void;
  onFailure: (error: unknown) => void;
  signal: AbortSignal;
  logger: Logger;
}): EpochRun {
  const { context, journal, roster, peers, collector, clock, signal } = options;
  const domain = { chainId: options.chainId, group: options.group };
  const restored = journal.restore(context.epoch);
  const instance = createInstance(context, options.book, restored.drafts.length === 0 ? undefined : restored);
  const encode = (message: ConsensusMessage) => encodeMessage(domain, message);
  const driver = createDriver({
    instance,
    journal,
    signer: options.signer,
    broadcast: (message) => peers.broadcast(roster, encode(message)),
    send: (to, message) => peers.deliver(roster, to, encode(message)),
    setTimer: (ms, callback) => {
      clock.sleep(ms, signal).then(callback, () => undefined);
    },
    verifyProofs: (proofs) => collector.verify(proofs),
    fetchProofs: options.fetchProofs,
    onDecision: options.onDecision,
    onFailure: options.onFailure,
    logger: options.logger,
  });
  return { driver, view: () => instance.view() };
}
