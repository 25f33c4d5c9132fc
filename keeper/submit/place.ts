import { type Address, type Hex, isAddressEqual } from "viem";
import { type GroupState, rosterOf } from "../../protocol/chain/groupTypes.ts";

/** Seed of a certified epoch and the operator's place in its roster; undefined when it has none. */
export function placeIn(
  state: GroupState,
  epoch: number,
  operator: Address,
): { seed: Hex; self: number; members: number } | undefined {
  const certificate = state.certificates.get(epoch);
  const seed = state.seeds.get(epoch)?.seed;
  const roster = certificate === undefined ? undefined : rosterOf(state, certificate.term);
  const place = roster?.operators.findIndex((address) => isAddressEqual(address, operator)) ?? -1;
  if (seed === undefined || roster === undefined || place === -1) return undefined;
  return { seed, self: place, members: roster.operators.length };
}
