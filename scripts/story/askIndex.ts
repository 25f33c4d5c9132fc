import type { Hex } from "viem";
import type { StoreResult } from "../../client/store/store.ts";
import type { Indexer } from "../../indexer/startIndexer.ts";
import { MemoError } from "../../protocol/errors.ts";
import type { StoryContext } from "./context.ts";
import { formatCount } from "./format.ts";
import { queryGraphql } from "./graphql.ts";

/** Gas of one kind of transaction, as the index has it. */
export interface GasUse {
  id: string;
  count: number;
  average: number;
}

/** What the index has counted of all that went wrong. */
export interface IndexCounts {
  evictions: number;
  offersMade: number;
  offersExpired: number;
  appealsAccepted: number;
  challengesAnswered: number;
  challengesUnanswered: number;
  keepersSlashed: number;
}

const COUNTS: readonly (keyof IndexCounts)[] = [
  "evictions",
  "offersMade",
  "offersExpired",
  "appealsAccepted",
  "challengesAnswered",
  "challengesUnanswered",
  "keepersSlashed",
];

/** What the index says of the story. */
export interface IndexTale {
  /** Newest block in the index, and how many the chain has beyond it. */
  block: number;
  behind: number;
  /** Epochs of the order so far that no certificate covers. */
  gaps: number;
  certifyGas: number[];
  missed: number;
  gas: GasUse[];
  counts: IndexCounts;
}

interface Answer {
  network: { epochsCertified: number } & IndexCounts;
  order: { id: Hex; state: string; policy: string; shards: string } | null;
  epochs: { items: { epoch: number; state: string; missed: number; certifyGas: number | null }[] };
  gasUses: { items: GasUse[] };
}

const query = (order: Hex): string => `{
  network(id: "memo") { epochsCertified ${COUNTS.join(" ")} }
  order(id: "${order}") { id state policy shards }
  epochs(orderBy: "epoch", limit: 1000) { items { epoch state missed certifyGas } }
  gasUses(orderBy: "id", limit: 100) { items { id count average } }
}`;

/** Waits until the index has read the chain, asks it for the whole story and tells it. */
export async function askIndex(
  context: StoryContext,
  indexer: Indexer,
  stored: StoreResult,
): Promise<IndexTale> {
  const { terminal, network, signal } = context;
  terminal.stage("The same from the index");
  await indexer.ready((await network.conductor.head()).number, signal);
  const answer = await queryGraphql<Answer>(indexer.url, query(stored.orderId));
  if (answer.order === null) {
    throw new MemoError("ORDER_NOT_INDEXED", `The index does not know the order ${stored.orderId}.`);
  }
  const { startEpoch } = stored.order;
  const gaps = answer.epochs.items.filter(
    ({ epoch, certifyGas }) => epoch >= startEpoch && certifyGas === null,
  ).length;
  const certified = answer.epochs.items.filter(({ certifyGas }) => certifyGas !== null);
  terminal.step(
    `order ${answer.order.state} under ${answer.order.policy} with ${answer.order.shards} shards; ` +
      `${answer.network.epochsCertified} epochs certified, ${gaps === 0 ? "none" : gaps} of its epochs left out`,
  );
  const { network: counted } = answer;
  terminal.step(
    `${counted.evictions} slots evicted, ${counted.offersMade} offered, ${counted.appealsAccepted} appeal(s) accepted, ` +
      `${counted.challengesAnswered} of ${counted.challengesAnswered + counted.challengesUnanswered} direct challenges answered`,
  );
  terminal.step("gas of every kind of transaction:");
  for (const { id, count, average } of answer.gasUses.items) {
    terminal.note(`${id.padEnd(40)} ${formatCount(average).padStart(9)}  × ${count}`);
  }
  const { block } = await indexer.ready(0, signal);
  return {
    block,
    behind: Number((await network.conductor.head()).number) - block,
    gaps,
    certifyGas: certified.map(({ certifyGas }) => certifyGas ?? 0),
    missed: answer.epochs.items.reduce((sum, { missed }) => sum + missed, 0),
    gas: answer.gasUses.items,
    counts: pickCounts(counted),
  };
}

function pickCounts(counted: IndexCounts): IndexCounts {
  return Object.fromEntries(COUNTS.map((name) => [name, counted[name]])) as unknown as IndexCounts;
}
