import { type Address, isAddressEqual } from "viem";
import { epochAt, isLastOfTerm, termOf } from "../../protocol/chain/epochs.ts";
import type { GroupState } from "../../protocol/chain/groupTypes.ts";
import { MIN_KEEPERS } from "../../protocol/constants.ts";

/** The term whose roster has to be written now, and this keeper's turn among the seated ones. */
export function rotationDue(
  state: GroupState,
  operator: Address,
): { term: number; rank: number } | undefined {
  const { head, parameters, rosters, keepers } = state;
  if (head === undefined) return undefined;
  const epoch = epochAt(parameters, head.timestamp);
  const seated = [...keepers.values()].filter(({ seat }) => seat !== undefined).sort((a, b) => a.id - b.id);
  const rank = seated.findIndex((keeper) => isAddressEqual(keeper.operator, operator));
  if (rank === -1 || seated.length < MIN_KEEPERS || epoch < 0) return undefined;
  const term = termOf(parameters, epoch);
  if (rosters.size === 0) return { term, rank: rank + 1 };
  return isLastOfTerm(parameters, epoch) && !rosters.has(term + 1) ? { term: term + 1, rank } : undefined;
}
