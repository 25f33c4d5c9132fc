import type { Milestone } from "../protocol/chain/groupTypes.ts";
import type { Logger } from "../protocol/runtime/logger.ts";
import type { ProofMessage } from "../protocol/wire/proofMessage.ts";
import type { ChainView } from "./chainView.ts";
import { type AnswerDeps, answerChallenge } from "./prove/answer.ts";
import { createDuties, type Duties } from "./prove/duties.ts";
import { createOwedShards } from "./prove/owedShards.ts";
import { fetchCover, type GetResults } from "./prove/results.ts";

/** Epochs whose answers are kept: keepers may ask for an old one while disputes run. */
const ANSWERS_KEPT = 1_024;

export type ChainDuties = Duties & {
  /** Takes in what a final block has brought. */
  apply(milestones: readonly Milestone[]): void;
};

/** Turns milestones of the chain into challenges to answer. */
export function createChainDuties(deps: {
  answer: AnswerDeps;
  view: ChainView;
  getResults: GetResults;
  publish(message: ProofMessage): Promise<unknown>;
  submit(endpoint: string, message: ProofMessage, signal: AbortSignal): Promise<unknown>;
  observe: Parameters<typeof createDuties>[0]["observe"];
  beforeProof?: ((message: ProofMessage) => Promise<void>) | undefined;
  logger: Logger;
}): ChainDuties {
  const { view } = deps;
  const { store } = deps.answer;
  const ownId = () => view.providerId() ?? 0;
  const owed = createOwedShards({
    providerId: ownId,
    samples: view.state().parameters.samples,
    async coverOf(certificate) {
      const { epoch, applied, exceptions } = certificate;
      const onChain = view.state().certificates.get(epoch);
      // Once all exceptions are applied the chain itself says who missed; only the cover is the keepers'.
      const allApplied = (onChain?.applied ?? applied) >= exceptions;
      if (allApplied && !view.state().missed.get(epoch)?.includes(ownId())) return "whole";
      const known = store.answers.cover(epoch);
      if (known !== undefined) return known;
      const cover = await fetchCover({
        certificate,
        providerId: ownId(),
        endpoints: view.keeperEndpoints(epoch),
        getResults: deps.getResults,
      });
      if (cover !== undefined) store.answers.insertCover(epoch, cover);
      return cover;
    },
  });

  const duties = createDuties({
    challenge: async (epoch) => (view.signsProofs(epoch) ? owed.challenge(epoch) : []),
    answer(epoch, seed, challenge, signal) {
      const context = { chainId: view.chainId, group: view.group, epoch, seed, provider: ownId() };
      return answerChallenge(deps.answer, context, challenge, signal);
    },
    publish: deps.publish,
    keepers: view.keeperEndpoints,
    submit: deps.submit,
    observe: deps.observe,
    beforeProof: deps.beforeProof,
    logger: deps.logger,
  });
  const challenged = new Set<number>();

  return {
    ...duties,
    apply(milestones) {
      for (const milestone of milestones) {
        if (milestone.type === "epochStarted") {
          const slots = milestone.set.byProvider.get(ownId()) ?? [];
          if (slots.length === 0) continue;
          owed.started({ epoch: milestone.epoch, slots, before: milestone.before });
          challenged.add(milestone.epoch);
        } else if (milestone.type === "seed" && challenged.has(milestone.epoch)) {
          owed.seeded(milestone.epoch, milestone.seed);
          duties.open(milestone.epoch, milestone.seed);
        } else if (milestone.type === "cutoff" && challenged.delete(milestone.epoch)) {
          duties.close(milestone.epoch);
          store.answers.prune(milestone.epoch - ANSWERS_KEPT);
        }
      }
    },
  };
}
