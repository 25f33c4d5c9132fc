import assert from "node:assert/strict";
import { type Hex, parseEventLogs, type TransactionReceipt } from "viem";
import { disputesAbi } from "../../../protocol/abi/generated/Disputes.ts";
import { EXCEPTION_KIND } from "../../../protocol/certificate.ts";
import type { Ticket } from "../../../protocol/chain/disputeTypes.ts";
import { SHARD_BYTES } from "../../../protocol/constants.ts";
import { buildAnswer, type ShardAnswer } from "../../../protocol/disputes/answer.ts";
import { appealPoint, drawnShards } from "../../../protocol/disputes/draw.ts";
import { createKzg, type Kzg } from "../../../protocol/kzg/kzg.ts";
import { orderTree } from "../../../protocol/merkle/slotRoot.ts";
import { treeRoot } from "../../../protocol/merkle/tree.ts";
import { type Order, orderId } from "../../../protocol/order.ts";
import { type LostEntry, lostData, lostDetail } from "../../../protocol/results/exceptions.ts";
import { testAccount } from "./chain.ts";
import { exceptionTree, type TestLeaf } from "./exceptions.ts";
import { createGroup, type PARAMETERS, TOKENS } from "./group.ts";

/** What `LostRecorded` says. */
export type Recorded = {
  readonly epoch: number;
  readonly providerId: number;
  readonly part: number;
  readonly draw: Hex;
  readonly deadline: bigint;
  readonly deadlineBlock: bigint;
  readonly isProtected: boolean;
  readonly entries: readonly (LostEntry & {
    readonly since: number;
    readonly until: number;
    readonly stripes: number;
  })[];
};
export type DisputeGroup = Awaited<ReturnType<typeof createDisputeGroup>>;
/** Loading the ceremony takes seconds: once per file. */
let ceremony: Kzg | undefined;

/** Bytes of a shard: no two of an order are the same. */
function shardOf(slot: number, stripe: number): Uint8Array {
  const bytes = new Uint8Array(SHARD_BYTES);
  for (let at = 0; at < SHARD_BYTES; at += 32) bytes[at + 31] = (at >> 5) % (slot + 2);
  bytes[31] = stripe + 1;
  return bytes;
}

/** A group, and an order of it whose every shard can be opened. */
export async function createDisputeGroup(
  options: {
    providers?: number;
    keepers?: number;
    slots?: number;
    stripes?: number;
    order?: Partial<Order>;
    parameters?: Partial<typeof PARAMETERS>;
    token?: string;
  } = {},
) {
  ceremony ??= createKzg();
  const kzg = ceremony;
  const { slots = 4, stripes = 2 } = options;
  const group = await createGroup({
    providers: options.providers ?? slots + 1,
    ...(options.keepers === undefined ? {} : { keepers: options.keepers }),
    ...(options.parameters === undefined ? {} : { parameters: options.parameters }),
    ...(options.token === undefined ? {} : { token: options.token }),
  });
  const range = (length: number) => Array.from({ length }, (_, index) => index);
  const commitments = await Promise.all(
    range(slots).map((slot) =>
      Promise.all(range(stripes).map((stripe) => kzg.commit(shardOf(slot, stripe)))),
    ),
  );
  const tree = orderTree(commitments);
  await group.onOrders("deposit", [100_000n * TOKENS]);

  const opened = new Map<Hex, Order>();
  /** Another order over the same shards. */
  async function openOrder(overrides: Partial<Order> = {}): Promise<Order> {
    const order = await group.order({
      providers: range(slots).map((slot) => slot + 1),
      policy: (1 << 16) | ((slots - 1) << 8) | 1,
      shardRoot: treeRoot(tree.top),
      stripes,
      endEpoch: 60,
      price: (10n ** 14n) << 32n,
      manifest: { firstStripe: 0, stripes: 1, length: 900n, digest: `0x${"11".repeat(32)}` },
      ...options.order,
      ...overrides,
    });
    await group.open(order);
    opened.set(orderId(order), order);
    return order;
  }
  const order = await openOrder();
  const id = orderId(order);

  /** Certifies an epoch with these exceptions; nothing is applied yet. */
  async function certifyWith(epoch: number, leaves: readonly TestLeaf[]): Promise<TransactionReceipt> {
    await group.toEpoch(epoch);
    const exceptions = leaves.length === 0 ? {} : exceptionTree(leaves).certificate;
    return await group.certify(group.certificate(epoch, exceptions));
  }
  /** Applies exceptions from index `from` on, all at once unless told otherwise. */
  async function apply(epoch: number, leaves: readonly TestLeaf[], from = 0, length = leaves.length - from) {
    return await group.onSettlement("applyExceptions", [epoch, ...exceptionTree(leaves).chunk(from, length)]);
  }
  /** Certifies an epoch and applies what it says. */
  async function epoch(number: number, ...leaves: readonly TestLeaf[]): Promise<TransactionReceipt> {
    const certified = await certifyWith(number, leaves);
    if (leaves.length === 0) return certified;
    // What is drawn hangs on two blocks more.
    await group.chain.helpers.mine(2);
    return await apply(number, leaves);
  }
  const entry = (slot: number, stripe = 0, of = id): LostEntry => ({ orderId: of, slot, stripe });
  function lost(provider: number, entries: readonly LostEntry[], part = 0): TestLeaf {
    const content = { provider, part, entries };
    const open = [...opened].map(([key, value]) => ({ id: key, order: value }));
    return {
      kind: EXCEPTION_KIND.lost,
      provider,
      data: lostData(content),
      detail: lostDetail(content, open),
    };
  }
  function recorded(receipt: TransactionReceipt): Recorded {
    const logs = parseEventLogs({ abi: disputesAbi, eventName: "LostRecorded", logs: receipt.logs });
    assert.equal(logs.length, 1);
    return logs[0]!.args as unknown as Recorded;
  }
  async function answer(draw: Hex, of: LostEntry): Promise<ShardAnswer> {
    const { slot, stripe } = of;
    const point = appealPoint({
      chainId: group.chain.chainId,
      disputes: group.disputes,
      draw,
      orderId: of.orderId,
      slot,
      stripe,
    });
    const commitment = commitments[slot]![stripe]!;
    const shard = shardOf(slot, stripe);
    const its = opened.get(of.orderId)!;
    return await buildAnswer({ order: its, tree, slot, stripe, shard, commitment, point, kzg });
  }
  async function answers(record: Recorded): Promise<ShardAnswer[]> {
    const drawn = drawnShards(record.draw, record.entries);
    return await Promise.all(
      drawn.map(({ index, stripe }) => answer(record.draw, { ...record.entries[index]!, stripe })),
    );
  }
  const keyOf = (record: Recorded) => [record.providerId, record.epoch, record.part] as const;
  async function appeal(
    record: Recorded,
    given?: readonly ShardAnswer[],
    from = testAccount(2 + record.providerId),
  ) {
    const args = [...keyOf(record), record.entries, given ?? (await answers(record))];
    return await group.onDisputes("appeal", args, from);
  }
  async function closeRecord(record: Recorded, given?: readonly Order[]) {
    const ids = [...new Set(record.entries.map(({ orderId: it }) => it))];
    const its = given ?? ids.map((it) => opened.get(it)!);
    return await group.onDisputes("closeRecord", [...keyOf(record), record.entries, its]);
  }
  /** Lets a window pass, in seconds and in blocks. */
  async function passWindow(of: { readonly deadline: bigint; readonly deadlineBlock: bigint }) {
    const { helpers } = group.chain;
    const blocks = Number(of.deadlineBlock) - (await helpers.time.latestBlock());
    if (blocks >= 0) await helpers.mine(blocks + 1);
    if ((await group.chain.time()) <= Number(of.deadline)) await helpers.time.increaseTo(of.deadline + 1n);
  }
  async function challenge(
    slot: number,
    stripe = 0,
    from = testAccount(CHALLENGER),
    of: Order = order,
  ): Promise<{ ticket: Ticket; receipt: TransactionReceipt }> {
    const bond = await group.read.disputes<bigint>("bondOf", [of, slot, from.address]);
    const receipt = await group.onDisputes("challenge", [of, slot, stripe], from, bond);
    const logs = parseEventLogs({ abi: disputesAbi, eventName: "ChallengeOpened", logs: receipt.logs });
    return { ticket: logs[0]!.args.ticket, receipt };
  }
  return {
    ...group,
    ...{ kzg, tree, order, id, opened, draft: group.order, openOrder, certifyWith, apply, epoch },
    ...{
      bytesOf: shardOf,
      entry,
      lost,
      recorded,
      answer,
      answers,
      appeal,
      closeRecord,
      passWindow,
      challenge,
    },
  };
}

/** Test account that is nobody in the group. */
export const CHALLENGER = 50;

/** Names and arguments of the events of `Disputes` in a receipt. */
export function disputeEvents(
  receipt: TransactionReceipt,
): readonly { name: string; args: Record<string, unknown> }[] {
  return parseEventLogs({ abi: disputesAbi, logs: receipt.logs }).map(({ eventName, args }) => ({
    name: eventName,
    args: args as unknown as Record<string, unknown>,
  }));
}
