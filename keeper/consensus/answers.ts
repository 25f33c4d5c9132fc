import type { ConsensusMessage } from "./messages.ts";

/** Answers that one member gets per round, whoever repeats its question. */
const ANSWERS_PER_ROUND = 4;

/** What this keeper has signed, for members that ask or that are behind. */
export type Answers = {
  /** Keeps an own message; the latest of each type counts. */
  keep(message: ConsensusMessage): void;
  latest(type: ConsensusMessage["type"]): ConsensusMessage | undefined;
  /**
   * What to send to a member that is at round `at`: the decision, or all that was signed. Counted per round
   * of the asking member, so that replays of its questions cannot use up its answers.
   */
  to(member: number, at: number, decided: ConsensusMessage | null): ConsensusMessage[];
};

/** Creates the answers of roster member `self`, which has no answers for itself. */
export function createAnswers(self: number): Answers {
  const own = new Map<string, ConsensusMessage>();
  const given = new Map<number, { round: number; count: number }>();
  return {
    keep: (message) => void own.set(message.type, message),
    latest: (type) => own.get(type),
    to(member, at, decided) {
      const earlier = given.get(member) ?? { round: -1, count: 0 };
      const count = at > earlier.round ? 0 : earlier.count;
      if (member === self || at < earlier.round || count >= ANSWERS_PER_ROUND) return [];
      given.set(member, { round: at, count: count + 1 });
      return decided === null ? [...own.values()] : [decided];
    },
  };
}
