import type { Hex } from "viem";
import { highestPrepared, isLockProven } from "./justification.ts";
import type { PrepareMessage, RoundChangeHead, RoundChangeMessage, Value } from "./messages.ts";

/** What a proposal of a later round has to carry, and the value it must repeat if one was prepared. */
export type RoundGrounds = {
  readonly value: Value | undefined;
  readonly prepares: readonly PrepareMessage[];
  readonly heads: readonly RoundChangeHead[];
};

/** Round changes of an epoch: the latest one of each member. */
export type RoundChanges = {
  /** Keeps it; `stale` when the member has gone as far before, `unproven` when its lock is not proven. */
  add(message: RoundChangeMessage): "kept" | "stale" | "unproven";
  /** The round to go to because so many are ahead of `round` that an honest one is among them. */
  joinable(round: number): number | undefined;
  /** Undefined until a quorum has changed to the round. */
  grounds(round: number): RoundGrounds | undefined;
  /** Members whose latest change is to the round. */
  members(round: number): number[];
};

/** Creates the collection; `quorum` of `members` have to change before a round can be proposed in. */
export function createRoundChanges(members: number, quorum: number): RoundChanges {
  const latest = new Map<number, RoundChangeMessage>();
  const changesTo = (round: number) => [...latest.values()].filter((change) => change.round === round);
  return {
    add(message) {
      if ((latest.get(message.member)?.round ?? -1) >= message.round) return "stale";
      if (!isLockProven(message, quorum)) return "unproven";
      latest.set(message.member, message);
      return "kept";
    },
    joinable(round) {
      const ahead = [...latest.values()].map((change) => change.round).filter((at) => at > round);
      return ahead.length > members - quorum ? Math.min(...ahead) : undefined;
    },
    grounds(round) {
      const changes = changesTo(round);
      if (changes.length < quorum) return undefined;
      const highest = highestPrepared(changes);
      const source = highest === null ? undefined : changes.find(({ prepared }) => isSame(prepared, highest));
      return {
        value: source?.lock?.value,
        prepares: source?.lock?.prepares ?? [],
        heads: changes.map(headOf),
      };
    },
    members: (round) => changesTo(round).map(({ member }) => member),
  };
}

function isSame(a: { round: number; digest: Hex } | null, b: { round: number; digest: Hex }): boolean {
  return a !== null && a.round === b.round && a.digest === b.digest;
}

function headOf({ type, epoch, round, prepared, member, signature }: RoundChangeMessage): RoundChangeHead {
  return { type, epoch, round, prepared, member, signature };
}
