import type { Hex } from "viem";
import { type VacancyInfo, vacancyKey } from "./disputeTypes.ts";
import type { GroupLog } from "./groupContracts.ts";
import { type GroupDraft, known } from "./groupDraft.ts";
import type { OrderInfo, SlotInfo } from "./groupTypes.ts";

type RepairsLog = Extract<GroupLog, { contract: "repairs" }>;

/** Applies an event of `Repairs`. */
export function applyRepairs(draft: GroupDraft, log: RepairsLog): void {
  switch (log.eventName) {
    case "SlotEvicted": {
      const { orderId, providerId: provider, slot, since, until } = log.args;
      const order = changeSlot(draft, orderId, slot, {
        holder: undefined,
        since,
        former: provider,
        formerSince: since,
        until,
        changed: true,
        // A live offer, made because the holder was leaving, stays good.
        expiries: 0,
      });
      changeVacancy(draft, { orderId, slot, until }, {});
      draft.milestones.push({ type: "slotEvicted", order, slot, provider, since, until });
      return;
    }
    case "RepairOffered": {
      const { orderId, providerId: provider, slot, epoch, deadline } = log.args;
      const order = changeSlot(draft, orderId, slot, { offer: { provider, epoch, deadline } });
      draft.milestones.push({ type: "repairOffered", order, slot, provider, epoch, deadline });
      return;
    }
    case "RepairOfferExpired": {
      const { orderId, providerId: provider, slot, expiries } = log.args;
      const order = changeSlot(draft, orderId, slot, { offer: undefined, expiries });
      draft.milestones.push({ type: "repairOfferExpired", order, slot, provider, expiries });
      return;
    }
    case "RepairAccepted": {
      const { orderId, providerId: provider, slot, since, former, until, vacancyPay } = log.args;
      const { since: formerSince } = known(draft.state.orders, orderId).slots[slot]!;
      const order = changeSlot(draft, orderId, slot, {
        holder: provider,
        since,
        former,
        formerSince,
        until,
        changed: true,
        offer: undefined,
        expiries: 0,
      });
      const vacancy = changeVacancy(draft, { orderId, slot, until }, { reserved: vacancyPay });
      draft.milestones.push({
        type: "repairAccepted",
        order,
        slot,
        provider,
        since,
        former,
        until,
        vacancyPay,
      });
      dropIfEmpty(draft, order, vacancy);
      return;
    }
    case "SlotVoided": {
      const { orderId, slot } = log.args;
      const order = changeSlot(draft, orderId, slot, { voided: true, offer: undefined });
      draft.milestones.push({ type: "slotVoided", order, slot });
      dropEmptyVacancies(draft, order);
      return;
    }
    default:
      applyVacancy(draft, log);
  }
}

function applyVacancy(
  draft: GroupDraft,
  log: Extract<RepairsLog, { eventName: "VacancyClosed" | "BonusPaid" | "BonusForfeited" }>,
): void {
  const { orderId, slot, until } = log.args;
  switch (log.eventName) {
    case "VacancyClosed": {
      const { pot, slashed } = log.args;
      const vacancy = changeVacancy(draft, { orderId, slot, until }, { pot, slashed, closed: true });
      draft.milestones.push({ type: "vacancyClosed", vacancy });
      dropIfEmpty(draft, known(draft.state.orders, orderId), vacancy);
      return;
    }
    case "BonusPaid": {
      const { providerId: provider, amount, refunded } = log.args;
      const vacancy = endVacancy(draft, { orderId, slot, until });
      draft.milestones.push({ type: "bonusPaid", vacancy, provider, amount, refunded });
      return;
    }
    case "BonusForfeited": {
      const { toTreasury, refunded } = log.args;
      const vacancy = endVacancy(draft, { orderId, slot, until });
      draft.milestones.push({ type: "bonusForfeited", vacancy, toTreasury, refunded });
      return;
    }
  }
}

/** Drops the vacancies of an order for which nothing is left to claim. */
export function dropEmptyVacancies(draft: GroupDraft, order: OrderInfo): void {
  for (const { slot, until } of order.slots) {
    if (until === undefined) continue;
    const vacancy = draft.state.vacancies.get(vacancyKey({ orderId: order.id, slot, until }));
    if (vacancy !== undefined) dropIfEmpty(draft, order, vacancy);
  }
}

/** A vacancy still fills up while it is disputed, and while somebody may accept its slot. */
function dropIfEmpty(draft: GroupDraft, order: OrderInfo, vacancy: VacancyInfo): void {
  const slot = order.slots[vacancy.slot]!;
  const acceptable =
    slot.holder === undefined && slot.until === vacancy.until && !slot.voided && !order.closed;
  if (!vacancy.closed || acceptable || vacancy.pot > 0n || vacancy.reserved > 0n) return;
  draft.delete("vacancies", vacancyKey(vacancy));
}

type VacancyName = Pick<VacancyInfo, "orderId" | "slot" | "until">;

/** A slot that is handed over without having been vacant makes its vacancy by that. */
function vacancyOf(draft: GroupDraft, name: VacancyName): VacancyInfo {
  const fresh = { ...name, pot: 0n, reserved: 0n, closed: false, slashed: false };
  return draft.state.vacancies.get(vacancyKey(name)) ?? fresh;
}

function changeVacancy(draft: GroupDraft, name: VacancyName, changes: Partial<VacancyInfo>): VacancyInfo {
  const vacancy = { ...vacancyOf(draft, name), ...changes };
  draft.set("vacancies", vacancyKey(vacancy), vacancy);
  return vacancy;
}

function endVacancy(draft: GroupDraft, name: VacancyName): VacancyInfo {
  const vacancy = vacancyOf(draft, name);
  draft.delete("vacancies", vacancyKey(name));
  return vacancy;
}

function changeSlot(draft: GroupDraft, orderId: Hex, slot: number, changes: Partial<SlotInfo>): OrderInfo {
  const before = known(draft.state.orders, orderId);
  const order = { ...before, slots: before.slots.with(slot, { ...before.slots[slot]!, ...changes }) };
  draft.set("orders", orderId, order);
  return order;
}
