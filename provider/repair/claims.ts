import type { Address } from "viem";
import { disputesAbi } from "../../protocol/abi/generated/Disputes.ts";
import { repairsAbi } from "../../protocol/abi/generated/Repairs.ts";
import {
  type LostRecordInfo,
  lostKey,
  type VacancyInfo,
  vacancyKey,
} from "../../protocol/chain/disputeTypes.ts";
import type { GroupState } from "../../protocol/chain/groupTypes.ts";
import type { Logger } from "../../protocol/runtime/logger.ts";
import type { Acts } from "../acts.ts";
import type { ChainView } from "../chainView.ts";
import type { Transactions } from "../transactions.ts";

/** What can be had on chain once windows are over. */
export type Claims = {
  /** Starts whatever is due; call it once for every current block. */
  run(): void;
};

/**
 * Gets what is this provider's: closes the dispute about each slot that it has repaired, claims its bonus once it has
 * proven the slot, and frees the collateral of records that it has appealed.
 */
export function createClaims(deps: {
  view: Pick<ChainView, "state" | "self">;
  acts: Acts;
  transactions: Pick<Transactions, "send">;
  onBonus(): void;
  logger: Logger;
}): Claims {
  const { view, acts, transactions } = deps;

  const close = (state: GroupState, record: LostRecordInfo) =>
    acts.start(`close ${lostKey(record)}`, (signal) => {
      const { provider, epoch, part, entries } = record;
      const ids = [...new Set(entries.map(({ orderId }) => orderId))].sort();
      const orders = ids.flatMap((id) => state.orders.get(id)?.order ?? []);
      return transactions.send({
        address: state.disputes,
        abi: disputesAbi,
        functionName: "closeRecord",
        args: [provider, epoch, part, entries, orders],
        signal,
      });
    });

  const claim = (repairs: Address, state: GroupState, { orderId, slot, until }: VacancyInfo, epoch: number) =>
    acts.start(`bonus ${orderId}:${slot}:${until}`, async (signal) => {
      const sent = await transactions.send({
        address: repairs,
        abi: repairsAbi,
        functionName: "claimBonus",
        args: [state.orders.get(orderId)!.order, slot, until, epoch],
        signal,
      });
      deps.onBonus();
      deps.logger.info({ orderId, slot, until }, "the bonus of a repair is claimed");
      return sent;
    });

  return {
    run() {
      const state = view.state();
      const own = view.self()?.id;
      if (own === undefined) return;
      const repaired = [...state.vacancies.values()].filter((vacancy) => isRepairedBy(state, vacancy, own));
      const awaited = new Set(repaired.filter(({ closed }) => !closed).map(vacancyKey));
      for (const record of state.lost.values()) {
        if (record.status === "closed" || !isOver(state, record)) continue;
        const spared = record.provider === own && record.status !== "open";
        if (spared || record.entries.some((entry) => awaited.has(vacancyKey(entry)))) close(state, record);
      }
      for (const vacancy of repaired) {
        const epoch = passedEpoch(state, own, state.orders.get(vacancy.orderId)!.slots[vacancy.slot]!.since);
        const nothing = vacancy.pot === 0n && vacancy.reserved === 0n;
        if (vacancy.closed && !nothing && epoch !== undefined) claim(state.repairs, state, vacancy, epoch);
      }
    },
  };
}

/** Whether the provider holds the slot that became vacant then. */
function isRepairedBy(state: GroupState, { orderId, slot, until }: VacancyInfo, provider: number): boolean {
  const info = state.orders.get(orderId)?.slots[slot];
  return info !== undefined && info.holder === provider && info.until === until;
}

function isOver({ head }: GroupState, { deadline, deadlineBlock }: LostRecordInfo): boolean {
  return head !== undefined && head.timestamp > deadline && head.number > deadlineBlock;
}

/** The first certified epoch from `since` on that is finished and that the provider passed. */
export function passedEpoch(state: GroupState, provider: number, since: number): number | undefined {
  for (let epoch = since; epoch <= state.lastFinished; epoch++) {
    const finished = state.finished.get(epoch);
    if (finished === undefined || finished.lapsed) continue;
    if (!state.missed.get(epoch)?.includes(provider)) return epoch;
  }
  return undefined;
}
