import type { Address, Hex, PublicClient } from "viem";
import { challengeSettlementAbi } from "../../protocol/abi/generated/ChallengeSettlement.ts";
import { storageOrdersAbi } from "../../protocol/abi/generated/StorageOrders.ts";
import type { GroupState } from "../../protocol/chain/groupTypes.ts";
import type { Transactor } from "../../protocol/chain/transactor.ts";
import { MemoError } from "../../protocol/errors.ts";
import type { ExceptionLeaf } from "../../protocol/results/exceptions.ts";
import type { Logger } from "../../protocol/runtime/logger.ts";
import { type AppliedChunk, needsDraw, nextChunk } from "./chunks.ts";
import type { Submitted } from "./submitter.ts";
import type { Turns } from "./turns.ts";

/** Blocks after a certificate's that what appeals have to answer is drawn from. */
const DRAW_BLOCKS = 2;
/** Pages of settling that one chunk waits for: more means that something else is wrong. */
const MOST_SETTLES = 256;

type PendingEpoch = {
  readonly epoch: number;
  readonly exceptions: number;
  readonly applied: number;
  readonly certifiedAt: number;
  readonly certifiedAtBlock: number;
};

/** Applies the exceptions of the epoch that is next to finish, or lets it lapse when its time is over. */
export function createFinishing(deps: {
  publicClient: PublicClient;
  transactor: Transactor;
  settlement: Address;
  orders: Address;
  state: () => GroupState;
  /** Certified exceptions of an epoch, if this keeper has them. */
  exceptionsOf: (epoch: number) => readonly ExceptionLeaf[] | undefined;
  /** This keeper's turn in what comes after a certificate; undefined when it has none. */
  rankFor: (epoch: number) => number | undefined;
  turns: Turns;
  onSubmitted: Submitted;
  signal: AbortSignal;
  logger: Logger;
}): (block: number) => Promise<void> {
  const { publicClient, transactor, turns, onSubmitted, signal, logger } = deps;
  const settlement = { address: deps.settlement, abi: challengeSettlementAbi } as const;

  async function apply(next: PendingEpoch, exceptions: readonly ExceptionLeaf[]): Promise<void> {
    const { epoch } = next;
    for (let from = next.applied; ; ) {
      const chunk = nextChunk(exceptions, from, deps.state().orders);
      if (chunk === undefined) return;
      if (needsDraw(chunk.leaves)) {
        const newest = await publicClient.getBlockNumber({ cacheTime: 0 });
        if (newest < next.certifiedAtBlock + DRAW_BLOCKS) return;
      }
      await send(epoch, chunk);
      from += chunk.leaves.length;
    }
  }

  /** Sends a chunk; an order that has to be settled first is, whatever other keepers do meanwhile. */
  async function send(epoch: number, { from, leaves, proof, details }: AppliedChunk): Promise<void> {
    for (let settles = 0; ; settles++) {
      try {
        const { gasUsed } = await transactor.send({
          ...settlement,
          functionName: "applyExceptions",
          args: [epoch, leaves.map(({ kind, provider, data }) => ({ kind, provider, data })), proof, details],
          signal,
        });
        logger.info({ epoch, from, leaves: leaves.length, gas: Number(gasUsed) }, "exceptions applied");
        onSubmitted("exceptions", gasUsed);
        return;
      } catch (error) {
        if (!isUnsettled(error) || settles === MOST_SETTLES) throw error;
        const [orderId, , , since] = error.details.args;
        await settle(orderId, since);
      }
    }
  }

  async function settle(orderId: Hex, toEpoch: number): Promise<void> {
    const info = deps.state().orders.get(orderId);
    if (info === undefined) {
      throw new MemoError("ORDER_UNKNOWN", `Order ${orderId} has to be settled first, but is not known.`, {
        details: { orderId },
      });
    }
    const { gasUsed } = await transactor.send({
      address: deps.orders,
      abi: storageOrdersAbi,
      functionName: "settle",
      args: [info.order, toEpoch],
      signal,
    });
    logger.info({ orderId, toEpoch }, "order settled, so that its slot can change hands again");
    onSubmitted("settle", gasUsed);
  }

  async function lapse(next: PendingEpoch, rank: number, block: number): Promise<void> {
    const { head, parameters } = deps.state();
    const over =
      head !== undefined &&
      head.timestamp > next.certifiedAt + parameters.applyWindow &&
      head.number > next.certifiedAtBlock + parameters.applyWindowBlocks;
    if (!over || !turns.isTurn(`lapse ${next.epoch}`, rank, block)) return;
    const { gasUsed } = await transactor.send({
      ...settlement,
      functionName: "lapse",
      args: [next.epoch],
      signal,
    });
    onSubmitted("lapse", gasUsed);
  }

  return async (block) => {
    const count = await publicClient.readContract({ ...settlement, functionName: "pendingCount" });
    if (count === 0n) return;
    const next = await publicClient.readContract({ ...settlement, functionName: "pendingAt", args: [0n] });
    const rank = deps.rankFor(next.epoch);
    if (rank === undefined) return;
    if (next.exceptions === 0) {
      if (!turns.isTurn(`finish ${next.epoch}`, rank, block)) return;
      await transactor.send({ ...settlement, functionName: "finish", args: [], signal });
      return;
    }
    const exceptions = deps.exceptionsOf(next.epoch);
    if (exceptions === undefined) return lapse(next, rank, block);
    if (turns.isTurn(`apply ${next.epoch}`, rank, block)) await apply(next, exceptions);
  };
}

function isUnsettled(error: unknown): error is MemoError & {
  details: { args: [orderId: Hex, slot: number, settledTo: number, since: number] };
} {
  return error instanceof MemoError && error.code === "CONTRACT_SlotNotSettled";
}
