import { createHash } from "node:crypto";
import type { Hex } from "viem";
import type { GroupState, OrderInfo, ProviderInfo, SlotInfo } from "../../../protocol/chain/groupTypes.ts";
import { SHARD_BYTES } from "../../../protocol/constants.ts";
import { MemoError } from "../../../protocol/errors.ts";
import { shardRoot, slotRoot } from "../../../protocol/merkle/slotRoot.ts";
import { decodePolicy, encodePolicy, parsePolicy } from "../../../protocol/object/policy.ts";
import { createReedSolomon } from "../../../protocol/object/reedSolomon.ts";
import { type Order, orderId } from "../../../protocol/order.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { createSilentLogger } from "../../../protocol/runtime/logger.ts";
import type { ChainView } from "../../../provider/chainView.ts";
import type { RebuildDeps } from "../../../provider/repair/rebuild.ts";
import { hash, makeOrder, makeShard, SETTLEMENT } from "./support.ts";

/** The provider under test. */
export const OWN = 77;
export const reedSolomon = createReedSolomon();

/** A commitment of 48 bytes that takes no time: binding like KZG, which is all that repairs need of it. */
export function commit(shard: Uint8Array): Uint8Array {
  return createHash("sha384").update(shard).digest();
}

export function expand(commitment: Uint8Array): Uint8Array {
  return Uint8Array.from([...commitment, ...commitment]);
}

/** Shards of an order, slot by slot; slots beyond the data are parity, or copies. */
export function makeShards(policyText: string, stripes: number): Uint8Array[][] {
  const policy = parsePolicy(policyText);
  const slots: Uint8Array[][] = Array.from({ length: policy.n }, () => []);
  for (let stripe = 0; stripe < stripes; stripe++) {
    const bytes = new Uint8Array(policy.n * SHARD_BYTES);
    for (let slot = 0; slot < policy.k; slot++) {
      bytes.set(makeShard(1 + stripe * policy.k + slot), slot * SHARD_BYTES);
    }
    reedSolomon.encode(bytes, policy);
    for (const [slot, shards] of slots.entries()) {
      shards.push(bytes.slice(slot * SHARD_BYTES, (slot + 1) * SHARD_BYTES));
    }
  }
  return slots;
}

export const endpointOf = (provider: number) => `provider ${provider}`;

export function makeSlot(slot: number, change: Partial<SlotInfo> = {}): SlotInfo {
  return {
    slot,
    holder: slot + 1,
    since: 20,
    former: undefined,
    formerSince: undefined,
    until: undefined,
    voided: false,
    changed: false,
    offer: undefined,
    expiries: 0,
    ...change,
  };
}

/** A slot that its holder lost in epoch 22 and that is offered to the provider under test until epoch 25. */
export function makeOffered(slot: number, change: Partial<SlotInfo> = {}): SlotInfo {
  const offer = { provider: OWN, epoch: 22, deadline: 25 };
  return makeSlot(slot, { holder: undefined, former: slot + 1, until: 22, changed: true, offer, ...change });
}

/**
 * An order whose slots 0 … n−1 are held by providers 1 … n, the chain that says so, and the network that serves its
 * shards. What each does can be changed while a test runs.
 */
export function createRepairWorld(
  options: { policy?: string; stripes?: number; shards?: Uint8Array[][]; orderChange?: Partial<Order> } = {},
) {
  const policyText = options.policy ?? "rs(2,2)";
  const stripes = options.stripes ?? 3;
  const policy = parsePolicy(policyText);
  const shards = options.shards ?? makeShards(policyText, stripes);
  const commitments = shards.map((slot) => Buffer.concat(slot.map(commit)));
  const order = makeOrder({
    providers: shards.map((_, slot) => slot + 1),
    policy: encodePolicy(policy),
    stripes,
    shardRoot: shardRoot(commitments.map((slot) => slotRoot(slot))),
    ...options.orderChange,
  });
  const id = orderId(order);
  const world = {
    epoch: 23,
    head: 100,
    ask: 100n,
    exiting: false,
    freeStake: 10n ** 20n,
    lockable: 10n ** 20n,
    jailedUntil: 0,
    registered: true,
    endEpoch: order.endEpoch,
    closed: false,
    slots: shards.map((_, slot) => makeSlot(slot)),
    missed: new Map<number, readonly number[]>(),
    /** What providers give instead of the right shard. */
    behaviour: new Map<number, "down" | "lies" | "silent" | "forbids">(),
    /** Requests for shards, as `provider:slot:stripe`. */
    asked: [] as string[],
    commitmentsAsked: [] as number[],
    commits: 0,
  };

  const info = (): OrderInfo => ({
    id,
    order,
    sequence: 0,
    endEpoch: world.endEpoch,
    openedAt: { block: 1, timestamp: 1 },
    closed: world.closed,
    settledTo: 20,
    slots: world.slots,
  });
  const provider = (of: number) =>
    ({ id: of, endpoint: endpointOf(of), exiting: false }) as unknown as ProviderInfo;
  const state = () =>
    ({
      repairs: SETTLEMENT,
      disputes: SETTLEMENT,
      parameters: { coolOffEpochs: 4, genesis: 0, epochLength: 100, unbondingDelay: 500 },
      head: { number: world.head, hash: hash("head"), timestamp: world.epoch * 100 },
      providers: new Map([...order.providers, OWN].map((of) => [of, provider(of)])),
      orders: new Map([[id, info()]]),
      missed: world.missed,
      lost: new Map(),
      directChallenges: new Map(),
      vacancies: new Map(),
    }) as unknown as GroupState;
  const view = {
    state,
    epoch: () => world.epoch,
    epochStart: (epoch: number) => epoch * 100,
    collateral: (count: number) => 10n * BigInt(count),
    self: () =>
      world.registered
        ? {
            id: OWN,
            ask: world.ask,
            domain: hash("domain"),
            freeStake: world.freeStake,
            lockable: world.lockable,
            jailedUntil: world.jailedUntil,
            exiting: world.exiting,
          }
        : undefined,
  } satisfies Partial<ChainView>;

  const idOf = (endpoint: string) => Number(endpoint.split(" ")[1]);
  const answer = async (endpoint: string, signal: AbortSignal) => {
    const of = idOf(endpoint);
    const behaviour = world.behaviour.get(of);
    if (behaviour === "down") throw new MemoError("RPC_UNREACHABLE", "down", { retryable: true });
    if (behaviour === "forbids") throw new MemoError("READ_FORBIDDEN", "no");
    if (behaviour === "silent") await systemClock.sleep(3_600_000, signal);
    return behaviour === "lies";
  };
  const rebuild: RebuildDeps = {
    async getShard(endpoint, { slot, stripe }, signal) {
      world.asked.push(`${idOf(endpoint)}:${slot}:${stripe}`);
      const lies = await answer(endpoint, signal);
      return lies ? makeShard(4_711) : shards[slot]![stripe]!;
    },
    async commit(shard) {
      world.commits++;
      return commit(shard);
    },
    reedSolomon,
    clock: systemClock,
    logger: createSilentLogger(),
  };
  const getCommitments = async (
    endpoint: string,
    request: { orderId: Hex; slot: number; from: number; count: number },
    signal: AbortSignal,
  ) => {
    world.commitmentsAsked.push(idOf(endpoint));
    const lies = await answer(endpoint, signal);
    const page = commitments[request.slot]!.subarray(request.from * 48, (request.from + request.count) * 48);
    return lies ? new Uint8Array(page.length).fill(9) : page;
  };
  const commitmentOf = (slot: number, stripe: number) =>
    commitments[slot]!.subarray(stripe * 48, (stripe + 1) * 48);
  return {
    world,
    id,
    order,
    policy: decodePolicy(order.policy),
    shards,
    commitments,
    commitmentOf,
    info,
    state,
    view,
    rebuild,
    getCommitments,
  };
}

export type RepairWorld = ReturnType<typeof createRepairWorld>;
