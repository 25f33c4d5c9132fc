import type { Address, Hex } from "viem";
import type { GroupLog } from "./groupContracts.ts";
import type { OrderInfo, SlotInfo } from "./groupTypes.ts";

/** An entry of a lost leaf whose slot was evicted, as its record keeps it. */
export type KeptEntry = {
  readonly orderId: Hex;
  readonly slot: number;
  readonly stripe: number;
  /** First epoch of the holder. */
  readonly since: number;
  /** First epoch that it is not paid for. */
  readonly until: number;
  /** Stripes of the order, any of which an appeal may have to answer. */
  readonly stripes: number;
};

/** One application of a lost leaf. */
export type LostRecordInfo = {
  readonly provider: number;
  readonly epoch: number;
  readonly part: number;
  /** What the drawn shards and points follow from; see `protocol/disputes/draw.ts`. */
  readonly draw: Hex;
  /** Appeals are possible until this second ... */
  readonly deadline: number;
  /** ... and at least until this block. */
  readonly deadlineBlock: number;
  readonly isProtected: boolean;
  /** `closed` ones are kept until the next epoch starts. */
  readonly status: "open" | "protected" | "appealed" | "closed";
  readonly entries: readonly KeptEntry[];
  /** Block in which it was recorded. */
  readonly block: number;
};

/** Key of a record in `GroupState.lost`. */
export type LostKey = `${number}/${number}/${number}`;

/** Key of a record in `GroupState.lost`. */
export function lostKey(of: Pick<LostRecordInfo, "provider" | "epoch" | "part">): LostKey {
  return `${of.provider}/${of.epoch}/${of.part}`;
}

/**
 * A direct challenge as its event gives it (`IDisputes.Ticket`); the contract keeps only its hash, so whoever
 * acts on it hands it in.
 */
export type Ticket = Extract<GroupLog, { eventName: "ChallengeOpened" }>["args"]["ticket"];

/** An open direct challenge. */
export type DirectChallengeInfo = {
  readonly ticket: Ticket;
  /** Block in which it was opened. */
  readonly block: number;
};

/** What is there for the repairer of a slot, from the handing over of the slot until it is paid or forfeited. */
export type VacancyInfo = {
  readonly orderId: Hex;
  readonly slot: number;
  /** End of the former holder's interval, which names the vacancy. */
  readonly until: number;
  /** Of the former holder's collateral, token wei. */
  readonly pot: bigint;
  /** Taken out of the order's escrow when the slot was accepted, token wei. */
  readonly reserved: bigint;
  /** Whether the former holder's collateral is settled. */
  readonly closed: boolean;
  readonly slashed: boolean;
};

/** Key of a vacancy in `GroupState.vacancies`. */
export type VacancyKey = `${Hex}/${number}/${number}`;

/** Key of a vacancy in `GroupState.vacancies`. */
export function vacancyKey(of: Pick<VacancyInfo, "orderId" | "slot" | "until">): VacancyKey {
  return `${of.orderId}/${of.slot}/${of.until}`;
}

/** An offer that its assignee did not take. */
export type ExpiredOffer = {
  readonly provider: number;
  /** Last epoch in which it could have been accepted. */
  readonly epoch: number;
};

/**
 * Offers of a slot that nobody took, as of `epoch`: the last one counts as soon as its deadline is over, which
 * the contract notes only with the next offer.
 */
export function expiriesAt(slot: SlotInfo, epoch: number): number {
  return slot.expiries + (slot.offer !== undefined && slot.offer.deadline < epoch ? 1 : 0);
}

/** What happened to slots and in disputes; `order` is as after the event. */
export type DisputeMilestone =
  | SlotMilestone<"slotEvicted", { provider: number; since: number; until: number }>
  | SlotMilestone<"repairOffered", { provider: number; epoch: number; deadline: number }>
  | SlotMilestone<"repairOfferExpired", { provider: number; expiries: number }>
  | SlotMilestone<
      "repairAccepted",
      { provider: number; since: number; former: number; until: number; vacancyPay: bigint }
    >
  | SlotMilestone<"slotVoided", unknown>
  | { readonly type: "lostRecorded"; readonly record: LostRecordInfo }
  | { readonly type: "appealAccepted"; readonly record: LostRecordInfo; readonly protectedTo: number }
  | { readonly type: "recordClosed"; readonly record: LostRecordInfo; readonly slashed: boolean }
  | { readonly type: "challengeOpened"; readonly challenge: DirectChallengeInfo }
  | {
      readonly type: "challengeAnswered";
      readonly challenge: DirectChallengeInfo;
      readonly by: Address;
      readonly reimbursed: bigint;
    }
  | {
      readonly type: "challengeUnanswered";
      readonly challenge: DirectChallengeInfo;
      readonly reward: bigint;
      readonly evicted: boolean;
    }
  | { readonly type: "vacancyClosed"; readonly vacancy: VacancyInfo }
  | {
      readonly type: "bonusPaid";
      readonly vacancy: VacancyInfo;
      readonly provider: number;
      readonly amount: bigint;
      readonly refunded: bigint;
    }
  | {
      readonly type: "bonusForfeited";
      readonly vacancy: VacancyInfo;
      readonly toTreasury: bigint;
      readonly refunded: bigint;
    };

type SlotMilestone<Type extends string, More> = {
  readonly type: Type;
  readonly order: OrderInfo;
  readonly slot: number;
} & Readonly<More>;
