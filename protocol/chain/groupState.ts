import { epochSeed } from "../challenge/seed.ts";
import type { DeployedGroup } from "./deployment.ts";
import { cutoffTime, epochAt, epochStart, seedTime } from "./epochs.ts";
import type { FinalBlock } from "./groupContracts.ts";
import { applyLog } from "./groupLogs.ts";
import type { EpochSeed, EpochSet, GroupState, Milestone, SetSlot } from "./groupTypes.ts";

/** Result of a block: the group after it, and what happened in it. */
export type Applied = { readonly state: GroupState; readonly milestones: readonly Milestone[] };

/** A group before its first block. */
export function createGroupState(options: { chainId: number; group: DeployedGroup }): GroupState {
  return {
    chainId: options.chainId,
    group: options.group.settlement,
    parameters: options.group.parameters,
    head: undefined,
    providers: new Map(),
    keepers: new Map(),
    rosters: new Map(),
    orders: new Map(),
    certificates: new Map(),
    lastCertified: -1,
    missed: new Map(),
    finished: new Map(),
    lastFinished: -1,
    seeds: new Map(),
    next: { start: 0, seed: 0, cutoff: 0 },
  };
}

/**
 * Applies the next final block; pure. First come the milestones that its timestamp brings, in order of the
 * time at which they were due (start, seed and cut-off of an epoch, then the next one's), from the state
 * before the block; then its events.
 */
export function applyBlock(before: GroupState, block: FinalBlock): Applied {
  const milestones: Milestone[] = [];
  let state = applyTime(before, block, milestones);
  for (const log of block.logs) {
    const applied = applyLog(state, block, log);
    state = applied.state;
    milestones.push(...applied.milestones);
  }
  const { number, hash, timestamp } = block;
  return { state: { ...state, head: { number, hash, timestamp } }, milestones };
}

/** Applies blocks one after the other. */
export function applyBlocks(before: GroupState, blocks: readonly FinalBlock[]): Applied {
  const milestones: Milestone[] = [];
  let state = before;
  for (const block of blocks) {
    const applied = applyBlock(state, block);
    state = applied.state;
    milestones.push(...applied.milestones);
  }
  return { state, milestones };
}

function applyTime(before: GroupState, block: FinalBlock, milestones: Milestone[]): GroupState {
  const { parameters, chainId, group } = before;
  const now = block.timestamp;
  // A group is younger than its first block: epochs that had passed before it existed never were.
  const first = before.head === undefined ? Math.max(0, epochAt(parameters, now)) : 0;
  let start = Math.max(before.next.start, first);
  let seed = Math.max(before.next.seed, first);
  let cutoff = Math.max(before.next.cutoff, first);
  const drawn: [number, EpochSeed][] = [];
  for (;;) {
    const startDue = epochStart(parameters, start);
    const seedDue = seedTime(parameters, seed);
    const cutoffDue = cutoffTime(parameters, cutoff);
    if (startDue <= Math.min(now, seedDue, cutoffDue)) {
      milestones.push({ type: "epochStarted", epoch: start, set: epochSet(before, start), before });
      start += 1;
    } else if (seedDue <= Math.min(now, cutoffDue)) {
      const value = epochSeed({ chainId, group, epoch: seed, prevRandao: block.prevRandao });
      drawn.push([seed, { seed: value, block: block.number, timestamp: now }]);
      milestones.push({ type: "seed", epoch: seed, seed: value, block: block.number });
      seed += 1;
    } else if (cutoffDue <= now) {
      milestones.push({ type: "cutoff", epoch: cutoff, block: block.number });
      cutoff += 1;
    } else break;
  }
  if (before.head !== undefined && milestones.length === 0) return before;
  const seeds = drawn.length === 0 ? before.seeds : new Map([...before.seeds, ...drawn]);
  return { ...before, seeds, next: { start, seed, cutoff } };
}

/** What is challenged in an epoch if `state` is the group's at the last block before its start. */
export function epochSet(state: GroupState, epoch: number): EpochSet {
  const orders = [...state.orders.values()]
    .filter((info) => !info.closed && info.order.startEpoch <= epoch && epoch < info.endEpoch)
    .sort((a, b) => a.sequence - b.sequence);
  const slots: SetSlot[] = orders.flatMap(({ id, order, sequence }) =>
    order.providers.map((provider, slot) => ({
      orderId: id,
      slot,
      provider,
      stripes: order.stripes,
      sequence,
      shardRoot: order.shardRoot,
    })),
  );
  const grouped = Map.groupBy(slots, (slot) => slot.provider);
  const byProvider = new Map([...grouped].sort(([a], [b]) => a - b));
  return { epoch, slots, byProvider, block: state.head?.number };
}
