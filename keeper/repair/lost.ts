import { encodeAbiParameters, type Hex, keccak256 } from "viem";
import type { OrderInfo } from "../../protocol/chain/groupTypes.ts";
import { thresholdsOf } from "../../protocol/chain/parameters.ts";
import { nextOwed } from "../../protocol/challenge/owed.ts";
import { type LostLeafContent, lostParts } from "../../protocol/results/exceptions.ts";
import type { LostCandidate } from "./brakes.ts";
import type { FaultHistory, SlotClock } from "./clocks.ts";
import { paritiesOf, type RepairContext, vacantSlots } from "./context.ts";
import type { ProviderResult } from "./findings.ts";
import { lostTimes } from "./rafi.ts";

/** Running clocks by order. */
export type Running = ReadonlyMap<Hex, readonly SlotClock[]>;

/** Clocks of slots that are still in the same hands at the cut-off, by order. */
export function runningClocks({ state }: Pick<RepairContext, "state">, history: FaultHistory): Running {
  const held = [...history.clocks.values()].filter(({ orderId, slot, provider, since }) => {
    const info = state.orders.get(orderId);
    const now = info?.closed === false ? info.slots[slot] : undefined;
    return now?.holder === provider && now.since === since;
  });
  return Map.groupBy(held, ({ orderId }) => orderId);
}

/** Slots that the rule calls lost in this epoch. */
export function lostCandidates({ state }: RepairContext, running: Running): LostCandidate[] {
  const thresholds = thresholdsOf(state.parameters.repairThresholds);
  return [...running].flatMap(([orderId, clocks]) => {
    const info = state.orders.get(orderId)!;
    const parities = paritiesOf(info);
    const times = lostTimesOf(info, clocks, thresholds);
    const unavailable = clocks.length + vacantSlots(info).length;
    const { stripes } = info.order;
    const { endEpoch } = info;
    return clocks.flatMap(({ slot, provider, since }, index) =>
      times[index]! > 0 ? [] : [{ orderId, slot, provider, stripes, since, endEpoch, parities, unavailable }],
    );
  });
}

/** In how many certified epochs each of an order's running clocks makes its slot lost, if nothing changes. */
export function lostTimesOf(
  info: OrderInfo,
  clocks: readonly SlotClock[],
  thresholds: readonly number[],
): readonly number[] {
  const parities = paritiesOf(info);
  const since = [...clocks.map(({ age }) => -age), ...vacantSlots(info).map(() => Number.NEGATIVE_INFINITY)];
  return lostTimes(since, thresholds, parities).slice(0, clocks.length);
}

/** Leaves that name the slots that are given up, each with a shard that its holder owes if there is one. */
export function lostLeaves(
  { seed, challenge, owed }: RepairContext,
  results: readonly ProviderResult[],
  given: readonly LostCandidate[],
): LostLeafContent[] {
  const covers = new Map(results.map(({ provider, cover }) => [provider, cover]));
  const byProvider = [...Map.groupBy(given, ({ provider }) => provider)].sort(([a], [b]) => a - b);
  return byProvider.flatMap(([provider, slots]) => {
    const asked = challenge.byProvider.get(provider)?.shards ?? [];
    const owing = nextOwed(owed.get(provider) ?? [], asked, covers.get(provider));
    const entries = slots.map(({ orderId, slot, stripes }) => {
      const own = owing.filter((shard) => shard.orderId === orderId && shard.slot === slot);
      const named = own.map(({ stripe }) => stripe).sort((a, b) => a - b);
      const draw = (count: number) => Number(stripeDraw(seed, orderId, slot) % BigInt(count));
      return { orderId, slot, stripe: named.length > 0 ? named[draw(named.length)]! : draw(stripes) };
    });
    return lostParts(provider, entries);
  });
}

function stripeDraw(seed: Hex, orderId: Hex, slot: number): bigint {
  const types = [{ type: "bytes32" }, { type: "bytes32" }, { type: "uint32" }] as const;
  return BigInt(keccak256(encodeAbiParameters(types, [seed, orderId, slot])));
}
