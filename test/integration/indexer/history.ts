import { type Address, type Hex, pad, stringToHex } from "viem";
import type { Emission } from "./eventSource.ts";
import { hash, type World } from "./world.ts";

/** The order that the history is about: 3 slots of 5 stripes for 100 epochs. */
export const ORDER = {
  id: hash("order"),
  providers: [1, 2, 3],
  stripes: 5,
  startEpoch: 2,
  endEpoch: 102,
  /** One token wei times 1000 per shard-epoch. */
  price: 1_000n << 32n,
};
/** 3 slots × 5 stripes × 100 epochs × 1000, plus 4 % and 1 %. */
export const COST = 1_500_000n + 60_000n + 15_000n;

export function address(last: number): Address {
  return pad(`0x${last.toString(16).padStart(2, "0")}`, { size: 20 });
}

export const OWNER = address(0xa0);
export const PAYER = address(0xa1);
export const providerOperator = (id: number): Address => address(0x10 + id);
export const keeperOperator = (id: number): Address => address(0x30 + id);

const event = (name: string, args: Record<string, unknown>): Emission => ({ name, args });

/** Three providers and four keepers register with stake; the first roster is written for term 0. */
export async function registerAll(world: World): Promise<void> {
  for (const id of [1, 2, 3]) {
    await world.emit("staking", "registerProvider", [
      event("ProviderRegistered", {
        providerId: id,
        owner: address(0x50 + id),
        operator: providerOperator(id),
        domain: hash(`domain ${id}`),
        ask: 900n,
        repairs: id !== 3,
        endpoint: `/ip4/127.0.0.1/tcp/90${id}`,
      }),
      event("StakeDeposited", { role: 0, id, amount: 10_000n, stake: 10_000n }),
    ]);
  }
  for (const id of [1, 2, 3, 4]) {
    await world.emit("staking", "registerKeeper", [
      event("KeeperRegistered", {
        keeperId: id,
        owner: address(0x60 + id),
        operator: keeperOperator(id),
        seat: id - 1,
        endpoint: `/ip4/127.0.0.1/tcp/91${id}`,
      }),
      event("StakeDeposited", { role: 1, id, amount: 5_000n, stake: 5_000n }),
    ]);
  }
  await rotate(world, 0, [1, 2, 3, 4]);
}

export async function rotate(world: World, term: number, keeperIds: readonly number[]): Promise<void> {
  const operators = keeperIds.map(keeperOperator);
  await world.emit("settlement", "rotate", [event("RosterRotated", { term, keeperIds, operators })]);
}

/** The payer deposits and the order is opened in one block; collateral is locked in the same transaction. */
export async function openOrder(world: World, id: Hex = ORDER.id, sequence = 1n): Promise<Hex> {
  const deposit = { payer: PAYER, from: PAYER, amount: 2_000_000n };
  await world.emit("orders", "deposit", [event("Deposited", deposit)]);
  const locked = ORDER.providers.map((providerId) =>
    event("CollateralLocked", { providerId, orderId: id, amount: 35n }),
  );
  await world.emit("staking", "lockCollateral", locked, false);
  return world.emit("orders", "open", [event("OrderOpened", orderArguments(world, id, sequence))]);
}

export function orderArguments(world: World, id: Hex, sequence: bigint): Record<string, unknown> {
  const order = {
    group: world.contracts.settlement,
    owner: OWNER,
    payer: PAYER,
    providers: ORDER.providers,
    shardRoot: hash("shard root"),
    stripes: ORDER.stripes,
    policy: (1 << 16) | (2 << 8) | 1,
    layout: 0,
    startEpoch: ORDER.startEpoch,
    endEpoch: ORDER.endEpoch,
    price: ORDER.price,
    minEpochs: 10,
    openBy: 1_700_000_100n,
    manifest: { firstStripe: 4, stripes: 1, length: 321n, digest: hash("manifest") },
    salt: hash("salt"),
  };
  return { orderId: id, owner: OWNER, payer: PAYER, sequence, order };
}

export async function certify(
  world: World,
  epoch: number,
  options: { exceptions?: number; absent?: number; leader?: number; signers?: number; term?: number } = {},
): Promise<Hex> {
  return world.emit("settlement", "certify", [
    event("EpochCertified", {
      epoch,
      term: options.term ?? 0,
      submitter: keeperOperator(2),
      round: 1,
      resultsRoot: hash(`results ${epoch}`),
      exceptionsRoot: hash(`exceptions ${epoch}`),
      exceptions: options.exceptions ?? 0,
      absent: options.absent ?? 0,
      leader: options.leader ?? 0,
      signers: options.signers ?? 0b0111,
    }),
  ]);
}

/** Leaves of an epoch are applied: the providers missed, and one leaf is skipped; then the epoch is finished. */
export async function applyAndFinish(
  world: World,
  epoch: number,
  options: {
    missed?: readonly number[];
    gap?: number;
    dead?: number;
    lapsed?: boolean;
    skipped?: boolean;
  } = {},
): Promise<void> {
  const { missed = [], gap = 0, dead = 0, lapsed = false, skipped = false } = options;
  const fromEpoch = epoch - gap;
  const reason = stringToHex("provider unknown", { size: 32 });
  const leaves = missed.length + Number(skipped);
  await world.emit("settlement", lapsed ? "lapse" : "applyExceptions", [
    ...missed.map((providerId) => event("ProviderMissed", { epoch, providerId, fromEpoch })),
    ...(skipped
      ? [event("ExceptionSkipped", { epoch, index: missed.length, kind: 1, provider: 4_294_967_295, reason })]
      : []),
    ...(leaves > 0 ? [event("ExceptionsApplied", { epoch, from: 0, to: leaves })] : []),
    event("EpochFinished", { epoch, lapsed, gap, dead }),
  ]);
}

export const emitted = event;
