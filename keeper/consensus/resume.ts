import type { Restored } from "./effects.ts";
import type { Draft } from "./messages.ts";

/** What an instance has signed, as the journal kept it. */
export type Resumed = {
  /** Highest round that anything was signed for. */
  readonly round: number;
  readonly inventory: boolean;
  /** Rounds for which each was signed. */
  readonly signed: { proposal: Set<number>; prepare: Set<number>; commit: Set<number> };
  /** Drafts of that round, and those that belong to none. */
  readonly again: readonly Draft[];
};

/** Reads from the drafts of an epoch where its instance goes on. */
export function resume(drafts: Restored["drafts"]): Resumed {
  const signed = { proposal: new Set<number>(), prepare: new Set<number>(), commit: new Set<number>() };
  let round = 0;
  for (const draft of drafts) {
    const at = roundOf(draft);
    if (at === undefined) continue;
    if (draft.type !== "sync") round = Math.max(round, at);
    if (draft.type === "proposal" || draft.type === "prepare" || draft.type === "commit") {
      signed[draft.type].add(at);
    }
  }
  return {
    round,
    inventory: drafts.some(({ type }) => type === "inventory"),
    signed,
    again: drafts.filter((draft) => (roundOf(draft) ?? round) === round),
  };
}

function roundOf(draft: Draft): number | undefined {
  if (draft.type === "commit") return draft.certificate.round;
  return "round" in draft ? draft.round : undefined;
}
