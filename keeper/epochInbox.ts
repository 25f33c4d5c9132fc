import { epochAt, termOf } from "../protocol/chain/epochs.ts";
import { type GroupState, type Roster, rosterOf } from "../protocol/chain/groupTypes.ts";
import { MemoError } from "../protocol/errors.ts";
import type { ProofMessage } from "../protocol/wire/proofMessage.ts";
import type { VoteSigner } from "./consensus/driver.ts";
import type { EquivocationWatch } from "./consensus/equivocation.ts";
import { type ConsensusDomain, decodeMessage } from "./consensus/messageEncoding.ts";
import type { ConsensusMessage } from "./consensus/messages.ts";
import type { EpochEntries } from "./epochEntries.ts";

/** Consensus messages kept of one member for an epoch that this keeper has not reached yet. */
const EARLY_PER_MEMBER = 16;
/** Epochs behind the last certified one in which two commits of one member are still noticed. */
const WATCHED_EPOCHS = 16;
/** Proofs that may wait until this keeper sees their epoch's seed. */
const WAITING_PROOFS = 16_384;

/** Takes what others send for an epoch, early or in time. */
export type EpochInbox = {
  /** @throws what `decodeMessage` throws, MESSAGE_NOT_AUTHENTIC, EPOCH_NOT_NEAR */
  receive(bytes: Uint8Array): Promise<void>;
  /** @throws EPOCH_NOT_NEAR, PROOF_LATE and what `Collector.submit` throws */
  submitProof(message: ProofMessage): Promise<void>;
};

/** Creates the inbox of all epochs. */
export function createEpochInbox(deps: {
  domain: ConsensusDomain;
  state: () => GroupState;
  entries: EpochEntries;
  watch: EquivocationWatch;
  signerOf: (roster: Roster) => VoteSigner;
}): EpochInbox {
  const { domain, entries } = deps;
  let waitingProofs = 0;

  /** Commits are looked at whatever becomes of the vote: who signs twice does so late, too. */
  const watchCommits = async (message: ConsensusMessage) => {
    const state = deps.state();
    const now = state.head === undefined ? -1 : epochAt(state.parameters, state.head.timestamp);
    const commits = message.type === "commit" ? [message] : message.type === "decided" ? message.commits : [];
    for (const commit of commits) {
      const { epoch, term } = commit.certificate;
      const roster = rosterOf(state, term);
      const isNear = epoch >= state.lastCertified - WATCHED_EPOCHS && epoch <= now + 1;
      if (!isNear || term !== termOf(state.parameters, epoch) || roster === undefined) continue;
      if (await deps.signerOf(roster).isAuthentic(commit)) deps.watch.see(commit);
    }
  };

  return {
    async receive(bytes) {
      const message = decodeMessage(domain, bytes);
      const { epoch, member } = message;
      const state = deps.state();
      await watchCommits(message);
      if (epoch <= state.lastCertified) return;
      const entry = entries.get(epoch);
      if (entry?.run !== undefined) return entry.run.driver.deliver(message);
      const roster = rosterOf(state, termOf(state.parameters, epoch));
      if (!entries.isNear(epoch) || roster === undefined) {
        throw new MemoError("EPOCH_NOT_NEAR", `Epoch ${epoch} is not one that this keeper votes on now.`, {
          details: { epoch },
          retryable: true,
        });
      }
      if (!(await deps.signerOf(roster).isAuthentic(message))) {
        throw new MemoError(
          "MESSAGE_NOT_AUTHENTIC",
          "A consensus message is not signed by the member it names.",
        );
      }
      const waiting = entries.of(epoch);
      if (waiting.run !== undefined) return waiting.run.driver.deliver(message);
      const kept = waiting.early.get(member) ?? [];
      if (kept.length < EARLY_PER_MEMBER) waiting.early.set(member, [...kept, message]);
    },
    async submitProof(message) {
      const { epoch } = message;
      const entry = entries.isNear(epoch) ? entries.of(epoch) : undefined;
      if (entry === undefined || waitingProofs >= WAITING_PROOFS) {
        throw new MemoError("EPOCH_NOT_NEAR", `Proofs of epoch ${epoch} are not taken now.`, {
          details: { epoch },
          retryable: true,
        });
      }
      waitingProofs++;
      try {
        const { collector } = await entry.ready.promise;
        if (entry.cut) {
          throw new MemoError("PROOF_LATE", `The answer window of epoch ${epoch} is over.`, {
            details: { epoch },
          });
        }
        await collector.submit(message);
      } finally {
        waitingProofs--;
      }
    },
  };
}
