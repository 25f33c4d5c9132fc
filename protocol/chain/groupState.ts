import { epochSeed } from "../challenge/seed.ts";
import type { DeployedGroup } from "./deployment.ts";
import { dropClosedRecords } from "./disputesLogs.ts";
import type { ExpiredOffer } from "./disputeTypes.ts";
import { cutoffTime, epochAt, epochStart, seedTime } from "./epochs.ts";
import type { FinalBlock } from "./groupContracts.ts";
import { createDraft, type GroupDraft } from "./groupDraft.ts";
import { applyLog } from "./groupLogs.ts";
import type { EpochSet, GroupState, Milestone, SetSlot } from "./groupTypes.ts";

/** Result of a block: the group after it, and what happened in it. */
export type Applied = { readonly state: GroupState; readonly milestones: readonly Milestone[] };

/** A group before its first block. */
export function createGroupState(options: { chainId: number; group: DeployedGroup }): GroupState {
  return {
    chainId: options.chainId,
    group: options.group.settlement,
    disputes: options.group.disputes,
    repairs: options.group.repairs,
    parameters: options.group.parameters,
    head: undefined,
    providers: new Map(),
    keepers: new Map(),
    rosters: new Map(),
    masked: new Map(),
    orders: new Map(),
    certificates: new Map(),
    lastCertified: -1,
    missed: new Map(),
    finished: new Map(),
    lastFinished: -1,
    seeds: new Map(),
    lost: new Map(),
    directChallenges: new Map(),
    vacancies: new Map(),
    expiredOffers: [],
    renewals: new Map(),
    next: { start: 0, seed: 0, cutoff: 0 },
  };
}

/**
 * Applies the next final block; pure. First come the milestones that its timestamp brings, in order of the
 * time at which they were due (start, seed and cut-off of an epoch, then the next one's), from the state
 * before the block; then its events.
 */
export function applyBlock(before: GroupState, block: FinalBlock): Applied {
  const draft = createDraft(before);
  applyTime(draft, before, block);
  for (const log of block.logs) applyLog(draft, block, log);
  const { number, hash, timestamp } = block;
  draft.assign({ head: { number, hash, timestamp } });
  return { state: draft.state, milestones: draft.milestones };
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

function applyTime(draft: GroupDraft, before: GroupState, block: FinalBlock): void {
  const { parameters, chainId, group } = before;
  const { milestones } = draft;
  const now = block.timestamp;
  // A group is younger than its first block: epochs that had passed before it existed never were.
  const first = before.head === undefined ? Math.max(0, epochAt(parameters, now)) : 0;
  let start = Math.max(before.next.start, first);
  let seed = Math.max(before.next.seed, first);
  let cutoff = Math.max(before.next.cutoff, first);
  for (;;) {
    const startDue = epochStart(parameters, start);
    const seedDue = seedTime(parameters, seed);
    const cutoffDue = cutoffTime(parameters, cutoff);
    if (startDue <= Math.min(now, seedDue, cutoffDue)) {
      milestones.push({ type: "epochStarted", epoch: start, set: epochSet(before, start), before });
      forget(draft, start);
      start += 1;
    } else if (seedDue <= Math.min(now, cutoffDue)) {
      const value = epochSeed({ chainId, group, epoch: seed, prevRandao: block.prevRandao });
      draft.set("seeds", seed, { seed: value, block: block.number, timestamp: now });
      milestones.push({ type: "seed", epoch: seed, seed: value, block: block.number });
      seed += 1;
    } else if (cutoffDue <= now) {
      milestones.push({ type: "cutoff", epoch: cutoff, block: block.number, before });
      cutoff += 1;
    } else break;
  }
  draft.assign({ next: { start, seed, cutoff } });
}

/** What the start of an epoch ends: offers nobody took, and the memory of what is over. */
function forget(draft: GroupDraft, epoch: number): void {
  const { parameters, orders, expiredOffers } = draft.state;
  dropClosedRecords(draft);
  const fresh: ExpiredOffer[] = [];
  for (const { closed, endEpoch, slots } of orders.values()) {
    // Who accepts in the last epoch of an order or later comes too late for it: no fault of the assignee's.
    if (closed || endEpoch <= epoch) continue;
    for (const { offer } of slots) {
      if (offer?.deadline === epoch - 1) fresh.push({ provider: offer.provider, epoch: offer.deadline });
    }
  }
  // What is decided about an epoch looks back from there, and may be late by as much as a gap.
  const oldest = epoch - parameters.coolOffEpochs - parameters.maxGap;
  if (fresh.length === 0 && (expiredOffers[0]?.epoch ?? oldest) >= oldest) return;
  draft.assign({ expiredOffers: [...expiredOffers.filter((offer) => offer.epoch >= oldest), ...fresh] });
}

/** What is challenged in an epoch if `state` is the group's at the last block before its start. */
export function epochSet(state: GroupState, epoch: number): EpochSet {
  const orders = [...state.orders.values()]
    .filter((info) => !info.closed && info.order.startEpoch <= epoch && epoch < info.endEpoch)
    .sort((a, b) => a.sequence - b.sequence);
  const slots: SetSlot[] = [];
  for (const { id: orderId, order, sequence, slots: each } of orders) {
    const { stripes, shardRoot } = order;
    for (const { slot, holder: provider, since, changed } of each) {
      if (provider === undefined || since > epoch) continue;
      slots.push({ orderId, slot, provider, stripes, sequence, shardRoot, since, changed });
    }
  }
  const grouped = Map.groupBy(slots, (slot) => slot.provider);
  const byProvider = new Map([...grouped].sort(([a], [b]) => a - b));
  return { epoch, slots, byProvider, block: state.head?.number };
}
