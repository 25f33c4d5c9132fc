import type { Hex } from "viem";
import type { LiveOffer } from "../slots.ts";
import type { Repair } from "../store/repairs.ts";
import type { Rebuilder } from "./rebuild.ts";

/** `accepted`: the slot is this provider's; `failed`: the offer was refused or is over. */
export type RepairOutcome = "accepted" | "failed";

/** How far a repair is, for status and metrics. */
export type RepairReport = {
  readonly orderId: Hex;
  readonly slot: number;
  readonly deadline: number;
  /** rebuilding → accepting → sent, then one of the outcomes; `waiting` after a failure that may pass. */
  readonly step: "rebuilding" | "accepting" | "sent" | "waiting" | RepairOutcome;
  readonly stripes: number;
  readonly stripesDone: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Real time that was worked on it. */
  readonly seconds: number;
  /** Why it does not go on, or did not. */
  readonly reason: string | undefined;
};

/** A repair as the worker has it in memory; what is durable of it is in the store. */
export type Job = {
  readonly offer: LiveOffer;
  readonly orderId: Hex;
  readonly slot: number;
  readonly controller: AbortController;
  rebuilder: Rebuilder | undefined;
  running: Promise<void> | undefined;
  /** Block of the acceptance. */
  minedAt: number;
  step: RepairReport["step"];
  stripesDone: number;
  bytesWritten: number;
  seconds: number;
  reason: string | undefined;
};

export function newJob(offer: LiveOffer, place: { orderId: Hex; slot: number }): Job {
  return {
    ...place,
    offer,
    controller: new AbortController(),
    rebuilder: undefined,
    running: undefined,
    minedAt: -1,
    step: "rebuilding",
    stripesDone: 0,
    bytesWritten: 0,
    seconds: 0,
    reason: undefined,
  };
}

export function reportOf(job: Job): RepairReport {
  const { orderId, slot, step, stripesDone, bytesWritten, seconds, reason, offer } = job;
  return {
    orderId,
    slot,
    deadline: offer.deadline,
    step,
    stripes: offer.order.order.stripes,
    stripesDone,
    bytesRead: job.rebuilder?.bytesRead() ?? 0,
    bytesWritten,
    seconds,
    reason,
  };
}

/** Of a repair that this process has not worked on. */
export function emptyReport({ orderId, slot, deadline }: Repair): RepairReport {
  return {
    orderId,
    slot,
    deadline,
    step: "waiting",
    stripes: 0,
    stripesDone: 0,
    bytesRead: 0,
    bytesWritten: 0,
    seconds: 0,
    reason: undefined,
  };
}
