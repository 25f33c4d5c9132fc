import type { Hex } from "viem";
import { disputesAbi } from "../../protocol/abi/generated/Disputes.ts";
import { type LostRecordInfo, lostKey, type Ticket } from "../../protocol/chain/disputeTypes.ts";
import type { ShardRef } from "../../protocol/challenge/sample.ts";
import type { ShardAnswer } from "../../protocol/disputes/answer.ts";
import { drawnShards } from "../../protocol/disputes/draw.ts";
import type { Logger } from "../../protocol/runtime/logger.ts";
import type { Acts } from "../acts.ts";
import type { ChainView } from "../chainView.ts";
import type { Transactions } from "../transactions.ts";

/** An appeal against a lost record, or the answer to a direct challenge. */
export type DisputeKind = "appeal" | "challenge";

/**
 * `answered`: mined in time; `lost`: a shard that is asked for is not here, so there is no answer; `late`: the window
 * is over without one.
 */
export type DisputeOutcome = "answered" | "lost" | "late";

/** One dispute, for status. */
export type DisputeReport = {
  readonly kind: DisputeKind;
  /** `provider/epoch/part` of a record, number of a direct challenge. */
  readonly id: string;
  readonly outcome: DisputeOutcome | "open";
  /** Shards that could not be read, as `order:slot:stripe`. */
  readonly missing: readonly string[];
};

export type DisputesDeps = {
  view: Pick<ChainView, "state" | "self">;
  acts: Acts;
  transactions: Pick<Transactions, "send">;
  /** The proof of one shard, undefined when its bytes are gone. */
  answer(shard: ShardRef, draw: Hex, signal: AbortSignal): Promise<ShardAnswer | undefined>;
  observe(kind: DisputeKind, outcome: DisputeOutcome): void;
  logger: Logger;
};

export type Disputes = {
  /** Answers whatever accuses this provider; call it once for every current block. */
  run(): void;
  reports(): DisputeReport[];
};

/** Ended disputes that are still reported. */
const REPORTS_KEPT = 64;

type Dispute = {
  kind: DisputeKind;
  id: string;
  outcome: DisputeOutcome | "open";
  missing: readonly string[];
};

/**
 * Answers lost records and direct challenges against this provider within their windows, from chain state alone: no
 * keeper is asked, and none can be in the way.
 */
export function createDisputes(deps: DisputesDeps): Disputes {
  const { view, logger, transactions } = deps;
  const disputes = new Map<string, Dispute>();
  /** Demands that were told of as beyond this program. */
  const unanswerable = new Set<bigint>();

  const note = (kind: DisputeKind, id: string): Dispute => {
    const key = `${kind} ${id}`;
    const known = disputes.get(key);
    if (known !== undefined) return known;
    const dispute: Dispute = { kind, id, outcome: "open", missing: [] };
    disputes.set(key, dispute);
    for (const oldest of disputes.keys()) {
      if (disputes.size <= REPORTS_KEPT) break;
      disputes.delete(oldest);
    }
    logger.warn({ kind, id }, "this provider is accused and answers");
    return dispute;
  };

  const conclude = (dispute: Dispute, outcome: DisputeOutcome) => {
    if (dispute.outcome === outcome) return;
    dispute.outcome = outcome;
    deps.observe(dispute.kind, outcome);
  };

  /** Answers for all shards, or undefined and a word about what is gone. */
  const answerAll = async (
    dispute: Dispute,
    shards: readonly ShardRef[],
    draw: Hex,
    signal: AbortSignal,
  ): Promise<ShardAnswer[] | undefined> => {
    const answers: ShardAnswer[] = [];
    const missing: string[] = [];
    for (const shard of shards) {
      const answer = await deps.answer(shard, draw, signal);
      if (answer === undefined) missing.push(`${shard.orderId}:${shard.slot}:${shard.stripe}`);
      else answers.push(answer);
    }
    if (missing.length === 0) return answers;
    if (dispute.outcome !== "lost") {
      logger.error(
        { kind: dispute.kind, id: dispute.id, missing },
        "shards are lost: no answer, stake is at risk",
      );
    }
    dispute.missing = missing;
    conclude(dispute, "lost");
    return undefined;
  };

  const act = (
    dispute: Dispute,
    shards: readonly ShardRef[],
    draw: Hex,
    send: (answers: readonly ShardAnswer[], signal: AbortSignal) => Promise<{ minedAt: number }>,
  ) =>
    deps.acts.start(`${dispute.kind} ${dispute.id}`, async (signal) => {
      const answers = await answerAll(dispute, shards, draw, signal);
      // Looked for again with the next block: a disk may come back.
      if (answers === undefined) return { minedAt: -1 };
      const sent = await send(answers, signal);
      conclude(dispute, "answered");
      logger.info({ kind: dispute.kind, id: dispute.id }, "answered on chain");
      return sent;
    });

  const isOver = (deadline: number, deadlineBlock: number): boolean => {
    const head = view.state().head;
    return head !== undefined && head.timestamp > deadline && head.number > deadlineBlock;
  };

  const giveUp = (dispute: Dispute) => {
    if (dispute.outcome !== "open") return;
    logger.error({ kind: dispute.kind, id: dispute.id }, "the window is over without an answer");
    conclude(dispute, "late");
  };

  const appeal = (record: LostRecordInfo) => {
    const dispute = note("appeal", lostKey(record));
    if (isOver(record.deadline, record.deadlineBlock)) return giveUp(dispute);
    const { provider, epoch, part, entries, draw } = record;
    const drawn = drawnShards(draw, entries).map(({ index, stripe }) => ({ ...entries[index]!, stripe }));
    act(dispute, drawn, draw, (answers, signal) =>
      transactions.send({
        address: view.state().disputes,
        abi: disputesAbi,
        functionName: "appeal",
        args: [provider, epoch, part, entries, answers],
        signal,
      }),
    );
  };

  const respond = (ticket: Ticket) => {
    const dispute = note("challenge", `${ticket.id}`);
    if (isOver(Number(ticket.deadline), Number(ticket.deadlineBlock))) return giveUp(dispute);
    if (ticket.asBlob) {
      if (!unanswerable.has(ticket.id)) {
        logger.error({ id: dispute.id }, "a shard is demanded as a blob, which this program does not send");
      }
      unanswerable.add(ticket.id);
      return;
    }
    act(dispute, [ticket], ticket.draw, ([answer], signal) =>
      transactions.send({
        address: view.state().disputes,
        abi: disputesAbi,
        functionName: "respond",
        args: [ticket, answer!],
        signal,
      }),
    );
  };

  return {
    run() {
      const own = view.self()?.id;
      if (own === undefined) return;
      const { lost, directChallenges } = view.state();
      for (const record of lost.values()) {
        if (record.provider === own && record.status === "open") appeal(record);
      }
      for (const { ticket } of directChallenges.values()) {
        if (ticket.providerId === own) respond(ticket);
      }
    },
    reports: () => [...disputes.values()].map((dispute) => ({ ...dispute })),
  };
}
