import type { Address, Hex } from "viem";
import type { Certificate } from "../certificate.ts";
import type { Order } from "../order.ts";
import type { RenewalKey, RenewalTerms } from "./allowanceTypes.ts";
import type {
  DirectChallengeInfo,
  DisputeMilestone,
  ExpiredOffer,
  LostKey,
  LostRecordInfo,
  VacancyInfo,
  VacancyKey,
} from "./disputeTypes.ts";
import type { GroupParameters } from "./parameters.ts";

/** A key that a provider's owner has replaced. */
export type FormerOperator = {
  readonly operator: Address;
  /** Chain time (seconds) at which it was replaced. */
  readonly until: number;
};

export type ProviderInfo = {
  readonly id: number;
  readonly owner: Address;
  readonly operator: Address;
  /** By the time at which they were replaced; see `proofSigners`. */
  readonly formerOperators: readonly FormerOperator[];
  /** Multiaddr with `/p2p/<peer id>`. */
  readonly endpoint: string;
  /** Failure domain. */
  readonly domain: Hex;
  /** Lowest price it accepts, token wei per 2^32 shard-epochs. */
  readonly ask: bigint;
  readonly repairs: boolean;
  /** Token wei, without what is on its way out. */
  readonly stake: bigint;
  /** Part of the stake that slots hold as collateral. */
  readonly locked: bigint;
  /** Token wei that slots locked anew in `epoch`, of which there is a most per epoch. */
  readonly lockedAnew: { readonly epoch: number; readonly amount: bigint };
  /** First epoch in which it can take slots again after it lost one by its fault; 0 when it never did. */
  readonly jailedUntil: number;
  /** Whether it asked to leave: its slots are offered to others. */
  readonly exiting: boolean;
  /** Block of its registration. */
  readonly registeredAt: number;
};

export type KeeperInfo = {
  readonly id: number;
  readonly owner: Address;
  readonly operator: Address;
  /** Undefined when it has none, and so is on no later roster. */
  readonly seat: number | undefined;
  readonly endpoint: string;
  /** Whether its stake was taken because it had signed two results of one round. */
  readonly slashed: boolean;
};

export type Roster = {
  /** First term that it is in force for; it stays until the next one. */
  readonly term: number;
  readonly keeperIds: readonly number[];
  /** By roster index, the bit of a signer. */
  readonly operators: readonly Address[];
};

/** A slot of an order, as of the last block. */
export type SlotInfo = {
  readonly slot: number;
  /** Undefined while the slot is vacant. */
  readonly holder: number | undefined;
  /** First epoch that the holder (of a vacant slot: the last one) is challenged and paid for. */
  readonly since: number;
  /** Who held it before; undefined if it never changed hands. */
  readonly former: number | undefined;
  /** First epoch of the former holder. */
  readonly formerSince: number | undefined;
  /** First epoch that the former holder is not paid for. */
  readonly until: number | undefined;
  /** Whether it was given up: never repaired again. */
  readonly voided: boolean;
  /** Whether it ever was evicted or handed over. */
  readonly changed: boolean;
  /** The last offer that nobody took yet; it is live up to and in epoch `deadline`. */
  readonly offer: RepairOfferInfo | undefined;
  /** Offers since the slot became vacant whose expiry the contract has noted; see `expiriesAt`. */
  readonly expiries: number;
};

export type RepairOfferInfo = {
  /** The assignee. */
  readonly provider: number;
  /** Epoch of the certificate that made it. */
  readonly epoch: number;
  /** Last epoch in which it can be accepted. */
  readonly deadline: number;
};

export type OrderInfo = {
  readonly id: Hex;
  readonly order: Order;
  /** Number of its opening event within the group; shards are counted in this order. */
  readonly sequence: number;
  /** First epoch that is not challenged any more; before `order.endEpoch` when it ends early. */
  readonly endEpoch: number;
  readonly openedAt: { readonly block: number; readonly timestamp: number };
  readonly closed: boolean;
  /** First epoch that is not settled yet. */
  readonly settledTo: number;
  /** By index. */
  readonly slots: readonly SlotInfo[];
};

export type CertificateInfo = Certificate & {
  readonly submitter: Address;
  /** Bitmap over roster indexes. */
  readonly signers: number;
  /** Block and transaction that brought it on chain. */
  readonly block: number;
  readonly blockHash: Hex;
  readonly transactionHash: Hex;
  /** Leaves under `exceptionsRoot` that have been applied. */
  readonly applied: number;
};

export type FinishedEpoch = { readonly lapsed: boolean; readonly gap: number; readonly dead: number };

export type EpochSeed = { readonly seed: Hex; readonly block: number; readonly timestamp: number };

/** A slot that is challenged in an epoch. */
export type SetSlot = {
  readonly orderId: Hex;
  readonly slot: number;
  /** The holder. */
  readonly provider: number;
  readonly stripes: number;
  readonly sequence: number;
  readonly shardRoot: Hex;
  /** First epoch of the holder. */
  readonly since: number;
  /** Whether the holder took it over from another one. */
  readonly changed: boolean;
};

/** What is challenged in an epoch, as of the last block before its start. */
export type EpochSet = {
  readonly epoch: number;
  /** By (sequence, slot): the order in which shards are numbered. */
  readonly slots: readonly SetSlot[];
  /** The same slots by provider id, ids ascending. */
  readonly byProvider: ReadonlyMap<number, readonly SetSlot[]>;
  /** Last block before the start of the epoch; undefined when the group did not exist yet. */
  readonly block: number | undefined;
};

/** A group as of its last processed final block. Never mutated: keep references freely. */
export type GroupState = {
  readonly chainId: number;
  /** Address of the group's `ChallengeSettlement`. */
  readonly group: Address;
  readonly disputes: Address;
  readonly repairs: Address;
  readonly parameters: GroupParameters;
  readonly head: { readonly number: number; readonly hash: Hex; readonly timestamp: number } | undefined;
  readonly providers: ReadonlyMap<number, ProviderInfo>;
  readonly keepers: ReadonlyMap<number, KeeperInfo>;
  /** By the term that they were written for; see `rosterOf`. */
  readonly rosters: ReadonlyMap<number, Roster>;
  /** Bitmaps of the members whose signatures are void, by the term of their roster; see `maskedMembers`. */
  readonly masked: ReadonlyMap<number, number>;
  readonly orders: ReadonlyMap<Hex, OrderInfo>;
  readonly certificates: ReadonlyMap<number, CertificateInfo>;
  /** Highest certified epoch, −1 when there is none. */
  readonly lastCertified: number;
  /** Provider ids applied as missed, by the epoch of the certificate. */
  readonly missed: ReadonlyMap<number, readonly number[]>;
  readonly finished: ReadonlyMap<number, FinishedEpoch>;
  readonly lastFinished: number;
  readonly seeds: ReadonlyMap<number, EpochSeed>;
  /** Lost records by `lostKey`. */
  readonly lost: ReadonlyMap<LostKey, LostRecordInfo>;
  /** Open direct challenges by id. */
  readonly directChallenges: ReadonlyMap<bigint, DirectChallengeInfo>;
  /** Vacancies that a bonus can still be claimed for, by `vacancyKey`. */
  readonly vacancies: ReadonlyMap<VacancyKey, VacancyInfo>;
  /** Offers that nobody took, by ascending epoch; those of long ago are dropped. */
  readonly expiredOffers: readonly ExpiredOffer[];
  /** Standing renewals by `renewalKey`. */
  readonly renewals: ReadonlyMap<RenewalKey, RenewalTerms>;
  /** Epochs whose milestones come next. */
  readonly next: { readonly start: number; readonly seed: number; readonly cutoff: number };
};

/** What happened, in the order in which it counts. */
export type Milestone =
  | {
      readonly type: "epochStarted";
      readonly epoch: number;
      readonly set: EpochSet;
      /** The state that the set was taken from: what certificates say about owed shards is read here. */
      readonly before: GroupState;
    }
  | { readonly type: "seed"; readonly epoch: number; readonly seed: Hex; readonly block: number }
  | {
      readonly type: "cutoff";
      readonly epoch: number;
      readonly block: number;
      /** The state before that block: what keepers decide about lost slots and repairs of the epoch is read here. */
      readonly before: GroupState;
    }
  | { readonly type: "providerChanged"; readonly provider: ProviderInfo }
  | { readonly type: "keeperChanged"; readonly keeper: KeeperInfo }
  | { readonly type: "rosterRotated"; readonly roster: Roster }
  | { readonly type: "orderOpened"; readonly order: OrderInfo }
  | { readonly type: "orderEnding"; readonly order: OrderInfo }
  | { readonly type: "orderSettled"; readonly order: OrderInfo }
  | { readonly type: "orderClosed"; readonly order: OrderInfo }
  | { readonly type: "certified"; readonly certificate: CertificateInfo }
  | { readonly type: "missed"; readonly epoch: number; readonly provider: number; readonly fromEpoch: number }
  | { readonly type: "exceptionsApplied"; readonly epoch: number; readonly from: number; readonly to: number }
  | ({ readonly type: "finished"; readonly epoch: number } & FinishedEpoch)
  | {
      readonly type: "keeperSlashed";
      readonly keeper: KeeperInfo;
      readonly epoch: number;
      readonly round: number;
      readonly reporter: Address;
    }
  | DisputeMilestone;

/** The roster in force in a term: the last one written for it or before; undefined when there is none. */
export function rosterOf(state: GroupState, term: number): Roster | undefined {
  let best: Roster | undefined;
  for (const roster of state.rosters.values()) {
    if (roster.term <= term && (best === undefined || roster.term > best.term)) best = roster;
  }
  return best;
}

/** Bitmap over roster indexes: members of the roster in force in a term whose signatures are void. */
export function maskedMembers(state: GroupState, term: number): number {
  const roster = rosterOf(state, term);
  return roster === undefined ? 0 : (state.masked.get(roster.term) ?? 0);
}
