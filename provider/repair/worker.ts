import type { Hex } from "viem";
import type { OrderInfo } from "../../protocol/chain/groupTypes.ts";
import { slotKey } from "../../protocol/challenge/sample.ts";
import { MemoError } from "../../protocol/errors.ts";
import { decodePolicy } from "../../protocol/object/policy.ts";
import type { Logger } from "../../protocol/runtime/logger.ts";
import type { ChainView } from "../chainView.ts";
import { type LiveOffer, liveOffer, offersTo } from "../slots.ts";
import type { Repair } from "../store/repairs.ts";
import type { ProviderStore } from "../store/store.ts";
import type { GetCommitments } from "./commitments.ts";
import { declineReason } from "./declineReason.ts";
import { emptyReport, type Job, newJob, type RepairOutcome, type RepairReport, reportOf } from "./job.ts";
import { createRebuilder, type RebuildDeps } from "./rebuild.ts";
import { rebuildSlot } from "./rebuildSlot.ts";
import { sourcesOf } from "./sources.ts";

export type RepairDeps = {
  store: ProviderStore;
  view: Pick<ChainView, "state" | "self" | "epoch" | "epochStart" | "collateral">;
  rebuild: RebuildDeps;
  getCommitments: GetCommitments;
  expand(commitment: Uint8Array): Uint8Array;
  /** Says on chain that the slot is rebuilt; resolves when that is mined. */
  accept(order: OrderInfo, slot: number, signal: AbortSignal): Promise<{ minedAt: number }>;
  /** Whether this operator takes offers at all. */
  willing: boolean;
  freeBytes(): Promise<number>;
  observe(outcome: RepairOutcome, report: RepairReport): void;
  logger: Logger;
};

export type RepairWorker = {
  /**
   * Brings the store in line with final state: keeps slots that are this provider's now, forgets what was rebuilt for
   * offers that are over. Call it for every current block before the store is swept.
   */
  sync(): Promise<void>;
  /** Starts whatever can be done now; call it once for every current block. */
  run(): void;
  /** Repairs that are being worked on. */
  pending(): number;
  /** Repairs under way, and the last ones that ended. */
  reports(): RepairReport[];
  stop(): Promise<void>;
};

/** Ended repairs that are still reported. */
const REPORTS_KEPT = 64;

/** Rebuilds the slots that keepers offer to this provider, and takes them over. */
export function createRepairWorker(deps: RepairDeps): RepairWorker {
  const { store, view, logger } = deps;
  const jobs = new Map<string, Job>();
  const ended: RepairReport[] = [];
  /** Why offers were not taken, so that each reason is told once. */
  const declined = new Map<string, string>();

  const ownId = () => view.self()?.id ?? 0;

  const end = (repair: Repair, outcome: RepairOutcome, reason: string | undefined) => {
    const key = slotKey(repair);
    const job = jobs.get(key);
    jobs.delete(key);
    const report = job === undefined ? emptyReport(repair) : reportOf(job);
    const last = { ...report, step: outcome, reason };
    ended.push(last);
    if (ended.length > REPORTS_KEPT) ended.shift();
    deps.observe(outcome, last);
    logger.info(
      last,
      outcome === "accepted" ? "a repaired slot is this provider's" : "a repair was given up",
    );
  };

  /** Ends the work on a repair and waits for it, so that nothing is written any more. */
  const halt = async (repair: Repair) => {
    const job = jobs.get(slotKey(repair));
    job?.controller.abort(new DOMException("the repair offer is over", "AbortError"));
    await job?.running;
  };

  /** Whether the acceptance is in a block that is not final yet, so that state cannot show it. */
  const isMined = (job: Job) => job.step === "sent" && job.minedAt > (view.state().head?.number ?? -1);

  const work = async (job: Job): Promise<void> => {
    const { offer, orderId, slot } = job;
    const started = performance.now();
    try {
      const repair = store.repairs.get(orderId, slot) ?? (await begin(offer));
      if (repair?.uploadId === undefined) {
        jobs.delete(slotKey(job));
        return;
      }
      await rebuild(job, repair.uploadId);
      job.step = "accepting";
      job.minedAt = (await deps.accept(offer.order, slot, job.controller.signal)).minedAt;
      job.step = "sent";
      job.reason = undefined;
    } catch (error) {
      if (job.controller.signal.aborted) return;
      await failed(job, error);
    } finally {
      job.seconds += (performance.now() - started) / 1_000;
      job.running = undefined;
    }
  };

  const failed = async (job: Job, error: unknown): Promise<void> => {
    const { orderId, slot } = job;
    const code = error instanceof MemoError ? error.code : String(error);
    const repair = store.repairs.get(orderId, slot);
    if (code === "NOT_A_CODEWORD" && repair !== undefined) {
      logger.error({ error, orderId, slot }, "nobody can repair this slot; the offer is left to expire");
      await store.refuseRepair(repair, code);
      end(repair, "failed", code);
      return;
    }
    job.step = "waiting";
    job.reason = code;
    logger.warn({ error, orderId, slot }, "a repair does not go on; trying again");
  };

  /** Room and stake are promised from here on. @returns undefined when this provider cannot take the slot */
  const begin = async ({ order, slot, deadline }: LiveOffer): Promise<Repair | undefined> => {
    const free = await deps.freeBytes();
    // Nothing is awaited from here to the insert, so two repairs cannot promise the same room.
    const reason = declineReason(deps, order, free);
    if (reason !== undefined) {
      const key = slotKey({ orderId: order.id, slot: slot.slot });
      const said = declined.get(key) === reason;
      declined.set(key, reason);
      logger[said ? "debug" : "info"]({ offer: key, deadline, reason }, "a repair offer is not taken");
      return undefined;
    }
    const openBy = view.epochStart(deadline + 1);
    return store.repairs.begin({ orderId: order.id, slot: slot.slot, order: order.order, deadline, openBy });
  };

  const rebuild = async (job: Job, uploadId: Hex): Promise<void> => {
    const { orderId, slot, offer } = job;
    const { order } = offer.order;
    const sources = () =>
      sourcesOf(view.state(), view.state().orders.get(orderId) ?? offer.order, slot, ownId());
    job.step = "rebuilding";
    job.stripesDone = 0;
    job.rebuilder ??= createRebuilder(deps.rebuild, {
      orderId,
      slot,
      policy: decodePolicy(order.policy),
      sources,
      commitmentOf: (at, stripe) => store.uploads.commitmentAt(uploadId, at, stripe) ?? new Uint8Array(),
    });
    const { expand, getCommitments } = deps;
    await rebuildSlot(
      { store, rebuilder: job.rebuilder, getCommitments, expand },
      {
        orderId,
        slot,
        order,
        uploadId,
        signal: job.controller.signal,
        sources() {
          const { holder, holders, formers, former } = sources();
          return [holder, ...holders, ...formers, former].filter((source) => source !== undefined);
        },
        onStripe(written) {
          job.stripesDone++;
          job.bytesWritten += written;
        },
      },
    );
  };

  return {
    async sync() {
      const state = view.state();
      const own = view.self()?.id;
      for (const repair of store.repairs.list()) {
        const { orderId, slot } = repair;
        const order = state.orders.get(orderId);
        const info = order?.slots[slot];
        if (order !== undefined && info?.holder === own && own !== undefined) {
          await halt(repair);
          store.repairs.adopt(repair, order.order);
          end(repair, "accepted", undefined);
          continue;
        }
        const offer = order && info && liveOffer(order, info, view.epoch());
        if (offer !== undefined && offer.provider === own) continue;
        await halt(repair);
        await store.removeRepair(repair);
        if (repair.refused === undefined) end(repair, "failed", "OFFER_OVER");
      }
    },
    run() {
      const own = view.self();
      if (own === undefined) return;
      const offers = offersTo(view.state(), own.id, view.epoch());
      if (offers.length === 0) declined.clear();
      for (const offer of offers) {
        const place = { orderId: offer.order.id, slot: offer.slot.slot };
        const key = slotKey(place);
        if (store.repairs.get(place.orderId, place.slot)?.refused !== undefined) continue;
        const job = jobs.get(key) ?? newJob(offer, place);
        if (job.running !== undefined || isMined(job)) continue;
        jobs.set(key, job);
        job.running = work(job).catch((error: unknown) => {
          logger.error({ error, ...place }, "a repair broke off; trying again");
        });
      }
    },
    pending: () => [...jobs.values()].filter((job) => job.running !== undefined).length,
    reports: () => [...ended, ...[...jobs.values()].map(reportOf)],
    async stop() {
      const running = [...jobs.values()];
      for (const job of running) job.controller.abort(new DOMException("the provider stops", "AbortError"));
      await Promise.all(running.map((job) => job.running));
    },
  };
}
