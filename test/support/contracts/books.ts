import assert from "node:assert/strict";
import { type Hex, parseEventLogs } from "viem";
import { repairsAbi } from "../../../protocol/abi/generated/Repairs.ts";
import { storageOrdersAbi } from "../../../protocol/abi/generated/StorageOrders.ts";
import { type Order, orderId } from "../../../protocol/order.ts";
import type { Group } from "./group.ts";

/** Of a group, whatever else it is known by. */
type BookGroup = Omit<Group, "orders" | "order">;

type OrderState = { readonly status: number; readonly escrow: bigint };
const RELEASED = 3;

async function repairLogs(group: BookGroup) {
  const logs = await group.chain.publicClient.getLogs({ address: group.repairs, fromBlock: 0n });
  return parseEventLogs({ abi: repairsAbi, logs });
}

const sum = (amounts: readonly bigint[]) => amounts.reduce((total, amount) => total + amount, 0n);

/** Vacancies that any event names: (slot, until) by order. */
async function vacanciesOf(group: BookGroup): Promise<{ orderId: Hex; slot: number; until: number }[]> {
  const seen = new Map<string, { orderId: Hex; slot: number; until: number }>();
  for (const { args } of await repairLogs(group)) {
    if (!("until" in args)) continue;
    seen.set(`${args.orderId}/${args.slot}/${args.until}`, args);
  }
  return [...seen.values()];
}

/**
 * Whether every token is somebody's: `StorageOrders` has what its balances, escrows, credits and pools and the
 * vacancies' pots and reserves add up to; `Staking` has all stake, whether locked, free or on its way out; and what is
 * locked is the collateral of the slots that are held or in dispute.
 */
export async function assertBooks(group: BookGroup): Promise<void> {
  const { read } = group;
  const events = parseEventLogs({
    abi: storageOrdersAbi,
    logs: await group.chain.publicClient.getLogs({ address: group.place.orders, fromBlock: 0n }),
  });
  const orders: Order[] = [];
  const payers = new Set<Hex>([group.user.address]);
  const terms = new Map<number, Set<number>>([[0, new Set()]]);
  const termOf = (term: number) => terms.get(term) ?? terms.set(term, new Set()).get(term)!;
  for (const { eventName, args } of events) {
    if (eventName === "OrderOpened") orders.push(args.order);
    if (eventName === "PayerCredited" || eventName === "Deposited") payers.add(args.payer);
    if (eventName === "TreasuryCredited") termOf(args.term);
    if (eventName === "KeeperFeeClaimed") termOf(args.term).add(args.keeperId);
  }
  const last = Math.ceil((await read.settlement<number>("epochNow")) / group.parameters.termLength);
  for (let term = 0; term <= last; term++) termOf(term);

  const balances: bigint[] = [];
  for (const payer of payers) {
    balances.push(await read.orders<bigint>("balanceOf", [payer]));
    balances.push((await read.orders<{ amount: bigint }>("withdrawalOf", [payer])).amount);
  }
  const states = await Promise.all(
    orders.map((order) => read.orders<OrderState>("orderState", [orderId(order)])),
  );
  const providers = await read.staking<number>("providerCount");
  const ids = Array.from({ length: providers }, (_, index) => index + 1);
  const credits = await Promise.all(ids.map((id) => read.orders<bigint>("credit", [id])));
  const pools: bigint[] = [];
  for (const [term, keepers] of terms) {
    const pool = await read.orders<{ keepers: bigint; treasury: bigint }>("pool", [term]);
    pools.push(pool.keepers, pool.treasury);
    pools.push(-(await read.orders<bigint>("treasuryClaimed", [term])));
    for (const id of keepers) pools.push(-(await read.orders<bigint>("claimed", [term, id])));
  }
  const vacancies = await vacanciesOf(group);
  const bonuses: bigint[] = [];
  const locked = new Map<number, bigint>(ids.map((id) => [id, 0n]));
  const lock = (id: number, order: Order) =>
    locked.set(id, locked.get(id)! + group.parameters.collateralPerShard * BigInt(order.stripes));
  for (const [index, order] of orders.entries()) {
    const holders = await read.repairs<number[]>("holdersOf", [order]);
    if (states[index]!.status !== RELEASED) for (const id of holders) if (id !== 0) lock(id, order);
  }
  const evictions = await repairLogs(group);
  for (const { orderId: id, slot, until } of vacancies) {
    const { pot, reserved, closed } = await read.repairs<{
      pot: bigint;
      reserved: bigint;
      closed: boolean;
    }>("bonusOf", [id, slot, until]);
    bonuses.push(pot, reserved);
    if (closed) continue;
    const order = orders.find((candidate) => orderId(candidate) === id)!;
    const evicted = evictions.find(
      ({ eventName, args }) =>
        eventName === "SlotEvicted" && args.orderId === id && args.slot === slot && args.until === until,
    );
    assert.ok(evicted?.eventName === "SlotEvicted");
    lock(evicted.args.providerId, order);
  }
  assert.equal(
    sum([...balances, ...states.map(({ escrow }) => escrow), ...credits, ...pools, ...bonuses]),
    await read.token("balanceOf", [group.place.orders]),
    "balances, escrows, credits, pools, pots and reserves",
  );

  const stakes: bigint[] = [];
  for (const id of ids) {
    const provider = await read.staking<{ stake: bigint; unbonding: bigint; locked: bigint }>("provider", [
      id,
    ]);
    stakes.push(provider.stake, provider.unbonding);
    assert.equal(provider.locked, locked.get(id), `collateral of provider ${id}`);
    assert.ok(provider.locked <= provider.stake);
  }
  const keepers = await read.staking<number>("keeperCount");
  for (let id = 1; id <= keepers; id++) {
    const keeper = await read.staking<{ stake: bigint; unbonding: bigint }>("keeper", [id]);
    stakes.push(keeper.stake, keeper.unbonding);
  }
  assert.equal(sum(stakes), await read.token("balanceOf", [group.staking]), "stakes");
}
