import { type Hex, hexToString, keccak256, parseEventLogs, stringToHex, type TransactionReceipt } from "viem";
import { repairsAbi } from "../../../protocol/abi/generated/Repairs.ts";
import { type Order, orderId } from "../../../protocol/order.ts";
import { assertBooks } from "./books.ts";
import { testAccount } from "./chain.ts";
import { createDisputeGroup, type Recorded } from "./disputes.ts";
import { offerLeaf, type TestLeaf } from "./exceptions.ts";

/** `Slot` of the contract. */
export type ChainSlot = {
  readonly holder: number;
  readonly since: number;
  readonly former: number;
  readonly formerSince: number;
  readonly until: number;
  readonly assignee: number;
  readonly deadline: number;
  readonly expiries: number;
  readonly vacant: boolean;
  readonly voided: boolean;
};
export type RepairGroup = Awaited<ReturnType<typeof createRepairGroup>>;

/** Of one stripe: a slot of two earns 10^13 wei and a fraction per epoch, so that floors round something away. */
const PRICE = ((10n ** 13n) << 31n) + 12_345_678_901n;
const STRIPES = 2;
/** What a slot earns in so many epochs. */
export const pay = (epochs: number): bigint => (PRICE * BigInt(STRIPES * epochs)) >> 32n;

/** ASCII in a word, without its padding. */
export const trimmed = (word: Hex): string => hexToString(word).replaceAll("\0", "");

/** A group of seven providers, with an order rs(2,2) of two stripes held by the first four. */
export async function createRepairGroup(options: Parameters<typeof createDisputeGroup>[0] = {}) {
  const slots = options.slots ?? 4;
  const group = await createDisputeGroup({
    ...{ slots, providers: 7, stripes: STRIPES },
    ...options,
    // Long enough to open orders for the first epoch.
    parameters: { epochLength: 120, ...options.parameters },
    order: {
      ...{ policy: (1 << 16) | ((slots - 2) << 8) | 2, price: PRICE, startEpoch: 1, endEpoch: 40 },
      ...{ minEpochs: 0, ...options.order },
    },
  });
  const { order } = group;
  /** A slot of the order becomes vacant in the certificate of an epoch. */
  async function evict(epoch: number, slot: number, provider = slot + 1, of: Order = order) {
    const lost = group.lost(provider, [group.entry(slot, 0, orderId(of))]);
    return group.recorded(await group.epoch(epoch, lost));
  }
  const offer = (assignee: number, slot: number, deadline: number, of: Order = order): TestLeaf =>
    offerLeaf(assignee, of, slot, deadline);
  const accept = async (slot: number, provider: number, of: Order = order) =>
    await group.onRepairs("acceptRepair", [of, slot], testAccount(2 + provider));
  const slotOf = async (slot: number, of: Order = order) =>
    await group.read.repairs<ChainSlot>("slotOf", [of, slot]);
  const settle = async (to: number, of: Order = order) => await group.onOrders("settle", [of, to]);
  const state = async (of: Order = order) =>
    await group.read.orders<{
      status: number;
      settledTo: number;
      endEpoch: number;
      escrow: bigint;
      evicted: number;
      changed: boolean;
    }>("orderState", [orderId(of)]);
  const credit = async (provider: number) => await group.read.orders<bigint>("credit", [provider]);
  const balance = async (of: Hex = group.user.address) => await group.read.orders<bigint>("balanceOf", [of]);
  const pool = async (term = 0): Promise<[bigint, bigint]> => {
    const { keepers, treasury } = await group.read.orders<Record<string, bigint>>("pool", [term]);
    return [keepers!, treasury!];
  };
  const stakeOf = async (provider: number) =>
    await group.read.staking<{ stake: bigint; locked: bigint; exiting: boolean }>("provider", [provider]);
  const bonusOf = async (slot: number, until: number, of: Order = order) =>
    await group.read.repairs<{ pot: bigint; reserved: bigint; closed: boolean; slashed: boolean }>(
      "bonusOf",
      [orderId(of), slot, until],
    );
  const claim = async (slot: number, until: number, epoch: number, of: Order = order) =>
    await group.onRepairs("claimBonus", [of, slot, until, epoch]);
  /** Lets the window of a record pass and closes it. */
  async function close(record: Recorded) {
    await group.passWindow(record);
    return await group.closeRecord(record);
  }
  /** What a contract of the group gets for an answer when it calls `Repairs`; nothing is changed. */
  async function answerTo(caller: Hex, functionName: "evict" | "applyOffer", args: readonly unknown[]) {
    const { result } = await group.chain.publicClient.simulateContract({
      ...{ address: group.repairs, abi: repairsAbi, functionName, args, account: caller },
    } as never);
    return result as unknown;
  }
  /** Why an offer leaf would come to nothing; empty when it would not. */
  const offerAnswer = async (epoch: number, leaf: TestLeaf) =>
    trimmed(
      (await answerTo(group.settlement, "applyOffer", [epoch, leaf.provider, leaf.data, leaf.detail])) as Hex,
    );
  /** Certifies epochs without exceptions. */
  async function certifyUpTo(epoch: number, from = 1): Promise<void> {
    for (let each = from; each <= epoch; each++) await group.epoch(each);
  }
  /** Another order of the same providers from epoch 1 to `end`. */
  async function shortOrder(end: number, salt = "short") {
    const short = await group.openOrder({ endEpoch: end, salt: keccak256(stringToHex(salt)) });
    return { order: short, id: orderId(short) };
  }
  const books = async () => await assertBooks(group);
  return {
    ...group,
    ...{ evict, offer, accept, slotOf, settle, state, credit, balance, pool, stakeOf },
    ...{ bonusOf, claim, close, answerTo, offerAnswer, certifyUpTo, shortOrder, books },
  };
}

/** Names and arguments of the events of `Repairs` in a receipt. */
export function repairEvents(receipt: TransactionReceipt) {
  return parseEventLogs({ abi: repairsAbi, logs: receipt.logs }).map(({ eventName, args }) => ({
    name: eventName,
    args: args as unknown as Record<string, unknown>,
  }));
}
