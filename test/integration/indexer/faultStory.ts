import { type Address, type Hex, parseEventLogs } from "viem";
import { disputesAbi } from "../../../protocol/abi/generated/Disputes.ts";
import type { KeptEntry, Ticket } from "../../../protocol/chain/disputeTypes.ts";
import { SHARD_BYTES } from "../../../protocol/constants.ts";
import { buildAnswer, type ShardAnswer } from "../../../protocol/disputes/answer.ts";
import { appealPoint, drawnShards } from "../../../protocol/disputes/draw.ts";
import { createKzg } from "../../../protocol/kzg/kzg.ts";
import { orderTree } from "../../../protocol/merkle/slotRoot.ts";
import { treeRoot } from "../../../protocol/merkle/tree.ts";
import { type Order, orderId } from "../../../protocol/order.ts";
import {
  type ExceptionLeaf,
  exceptionsOf,
  type LostLeafContent,
  lostDetail,
  type OfferContent,
  offerDetail,
} from "../../../protocol/results/exceptions.ts";
import { VERDICT } from "../../../protocol/results/judge.ts";
import { REAL_ABIS, type RealGroup } from "./realGroup.ts";
import { hash } from "./world.ts";

const SLOTS = 4;
const STRIPES = 2;
/** rs(2,2). */
const POLICY = (1 << 16) | (2 << 8) | 2;
/** No whole number of wei an epoch, so that roundings show. */
const PRICE = ((15n * 10n ** 13n) << 32n) + 12_345_678_901n;
const EPOCHS = 60;

/** What `LostRecorded` says. */
type Recorded = {
  readonly providerId: number;
  readonly epoch: number;
  readonly part: number;
  readonly draw: Hex;
  readonly deadline: bigint;
  readonly deadlineBlock: bigint;
  readonly entries: readonly KeptEntry[];
};
type Window = { readonly deadline: bigint; readonly deadlineBlock: bigint };
/** What keepers say of an epoch. */
export type Findings = {
  readonly missed?: readonly number[];
  readonly lost?: readonly LostLeafContent[];
  readonly offers?: readonly OfferContent[];
};

/** An order of a real group whose every shard can be opened, and what people do when it goes wrong. */
export type FaultStory = {
  readonly order: Order;
  readonly id: Hex;
  /** Goes to an epoch, certifies it with these findings and applies them; tells the lost record, if there is one. */
  epoch(number: number, findings?: Findings): Promise<Recorded | undefined>;
  settle(to: number): Promise<Hex>;
  accept(provider: number, slot: number): Promise<Hex>;
  appeal(record: Recorded): Promise<Hex>;
  closeRecord(record: Recorded): Promise<Hex>;
  claimBonus(slot: number, until: number, epoch: number): Promise<Hex>;
  challenge(slot: number, stripe: number, from: Address): Promise<Ticket>;
  respond(ticket: Ticket, from: Address): Promise<Hex>;
  closeChallenge(ticket: Ticket): Promise<Hex>;
  voidSlot(slot: number): Promise<Hex>;
  /** Mines until a window is over. */
  pass(window: Window): Promise<void>;
};

/** Opens the order with providers 1 to 4; epochs up to the one before its first have no certificate. */
export async function openFaultStory(real: RealGroup): Promise<FaultStory> {
  const { group, owner, node } = real;
  const kzg = createKzg({ precompute: false });
  const shards = Array.from({ length: SLOTS }, (_, slot) =>
    Array.from({ length: STRIPES }, (_, stripe) => shardOf(slot, stripe)),
  );
  const commitments = await Promise.all(
    shards.map((slot) => Promise.all(slot.map((shard) => kzg.commit(shard)))),
  );
  const tree = orderTree(commitments);
  const startEpoch = (await real.epochNow()) + 1;
  const order: Order = {
    ...{
      group: group.settlement,
      owner,
      payer: owner,
      providers: [1, 2, 3, 4],
      shardRoot: treeRoot(tree.top),
    },
    ...{ stripes: STRIPES, policy: POLICY, layout: 0, startEpoch, endEpoch: startEpoch + EPOCHS },
    ...{ price: PRICE, minEpochs: 5 },
    openBy: BigInt(group.parameters.genesis + startEpoch * group.parameters.epochLength),
    manifest: { firstStripe: 1, stripes: 1, length: 99n, digest: hash("manifest") },
    salt: hash("salt"),
  };
  const id = orderId(order);
  await real.call(group.orders, REAL_ABIS.orders, "deposit", [10n ** 18n]);
  await real.open(order);

  const onRepairs = (name: string, args: readonly unknown[], from?: Address) =>
    real.call(group.repairs, REAL_ABIS.repairs, name, args, from);
  const onDisputes = (name: string, args: readonly unknown[], from?: Address, value?: bigint) =>
    real.call(group.disputes, REAL_ABIS.disputes, name, args, from, value);
  const answerTo = (draw: Hex, slot: number, stripe: number): Promise<ShardAnswer> => {
    const { chainId } = real.deployment;
    const point = appealPoint({ chainId, disputes: group.disputes, draw, orderId: id, slot, stripe });
    const [shard, commitment] = [shards[slot]![stripe]!, commitments[slot]![stripe]!];
    return buildAnswer({ order, tree, slot, stripe, shard, commitment, point, kzg });
  };
  const detailOf = (leaf: ExceptionLeaf): Hex[] => {
    if (leaf.content === undefined) return [];
    if ("entries" in leaf.content) return [lostDetail(leaf.content, [{ id, order }])];
    return [offerDetail(leaf.content, order)];
  };
  const eventsOf = async (transaction: Hex) => {
    const { logs } = await node.publicClient.getTransactionReceipt({ hash: transaction });
    return parseEventLogs({ abi: disputesAbi, logs });
  };

  return {
    ...{ order, id },
    epoch: async (number, { missed = [], lost = [], offers = [] } = {}) => {
      const verdicts = missed.map((provider) => ({ provider, verdict: VERDICT.missed }));
      const leaves = exceptionsOf(verdicts, { lost, offers });
      await real.advanceTo(number);
      await real.certify(number, leaves);
      if (leaves.length === 0) return undefined;
      // What is drawn hangs on two blocks more.
      await node.mine(2);
      const applied = await real.apply(number, leaves, leaves.flatMap(detailOf));
      const recorded = (await eventsOf(applied)).find(({ eventName }) => eventName === "LostRecorded");
      return recorded?.args as Recorded | undefined;
    },
    settle: (to) => real.call(group.orders, REAL_ABIS.orders, "settle", [order, to]),
    accept: (provider, slot) => onRepairs("acceptRepair", [order, slot], real.providerOperator(provider)),
    appeal: async (record) => {
      const drawn = drawnShards(record.draw, record.entries);
      const answers = await Promise.all(
        drawn.map(({ index, stripe }) => answerTo(record.draw, record.entries[index]!.slot, stripe)),
      );
      const { providerId, epoch, part, entries } = record;
      const args = [providerId, epoch, part, entries, answers];
      return onDisputes("appeal", args, real.providerOperator(providerId));
    },
    closeRecord: ({ providerId, epoch, part, entries }) =>
      onDisputes("closeRecord", [providerId, epoch, part, entries, [order]]),
    claimBonus: (slot, until, epoch) => onRepairs("claimBonus", [order, slot, until, epoch]),
    challenge: async (slot, stripe, from) => {
      const bond = await real.read<bigint>(group.disputes, REAL_ABIS.disputes, "bondOf", [order, slot, from]);
      const events = await eventsOf(await onDisputes("challenge", [order, slot, stripe], from, bond));
      const opened = events.find(({ eventName }) => eventName === "ChallengeOpened")!;
      return (opened.args as { ticket: Ticket }).ticket;
    },
    respond: async (ticket, from) =>
      onDisputes("respond", [ticket, await answerTo(ticket.draw, ticket.slot, ticket.stripe)], from),
    closeChallenge: (ticket) => onDisputes("closeChallenge", [ticket, order]),
    voidSlot: (slot) => onRepairs("voidSlot", [order, slot]),
    pass: async ({ deadline, deadlineBlock }) => {
      const blocks = Number(deadlineBlock) + 1 - (await node.head());
      if (blocks > 0) await node.mine(blocks);
      const { timestamp } = await node.publicClient.getBlock();
      if (timestamp <= deadline) await node.mineAt(deadline + 1n);
    },
  };
}

/** Bytes of a shard: no two of the order are the same. */
function shardOf(slot: number, stripe: number): Uint8Array {
  const bytes = new Uint8Array(SHARD_BYTES);
  for (let at = 0; at < SHARD_BYTES; at += 32) bytes[at + 31] = (at >> 5) % (slot + 2);
  bytes[31] = stripe + 1;
  return bytes;
}
