import { type Address, type Hex, numberToHex, pad } from "viem";
import type { Deployment } from "../../../protocol/chain/deployment.ts";
import type { FinalBlock, GroupLog } from "../../../protocol/chain/groupContracts.ts";
import { packThresholds } from "../../../protocol/chain/parameters.ts";
import type { Order } from "../../../protocol/order.ts";

/** Makes blocks and events of a group for tests. */

export const address = (number: number): Address => pad(numberToHex(number), { size: 20 });
export const hash = (number: number): Hex => pad(numberToHex(number), { size: 32 });

export const GENESIS = 10_000;

export const testDeployment: Deployment = {
  chainId: 31_337,
  factory: { address: address(1), startBlock: 1 },
  storeRegistry: { address: address(10), startBlock: 1 },
  token: address(2),
  groups: [
    {
      groupId: 1,
      staking: address(3),
      orders: address(4),
      settlement: address(5),
      disputes: address(7),
      repairs: address(8),
      allowances: address(9),
      startBlock: 1,
      parameters: {
        token: address(2),
        treasury: address(6),
        genesis: GENESIS,
        epochLength: 60,
        seedDelay: 20,
        answerWindow: 20,
        applyWindow: 600,
        applyWindowBlocks: 20,
        payerDelay: 3_600,
        unbondingDelay: 7_200,
        confirmations: 2,
        maxGap: 8,
        samples: 64,
        termLength: 1_000,
        minKeeperStake: 10n ** 18n,
        minProviderStake: 10n ** 18n,
        collateralPerShard: 10n ** 12n,
        minPrice: 100n << 32n,
        appealWindow: 120,
        appealWindowBlocks: 12,
        protectionEpochs: 16,
        evictionCap: 5_000,
        challengeBond: 10n ** 15n,
        repairBonusPerShard: 2n * 10n ** 11n,
        repairThresholds: packThresholds([2, 2, 3, 4]),
        offerEpochs: 3,
        offerExpiries: 3,
        coolOffEpochs: 4,
        freezeShare: 5_000,
        freezeEpochs: 4,
        repairBudget: 64,
        rejoinEpochs: 4,
        lockShare: 10_000,
        blobAnswers: false,
      },
    },
  ],
};

/** A log as decoded, of whatever event; tests say only what the event is about. */
export function logOf(
  contract: GroupLog["contract"],
  eventName: GroupLog["eventName"],
  args: Record<string, unknown>,
): GroupLog {
  return {
    contract,
    eventName,
    args,
    address: address(9),
    logIndex: 0,
    transactionHash: hash(77),
  } as unknown as GroupLog;
}

/** Block `number` at `timestamp` with these events. */
export function blockOf(number: number, timestamp: number, logs: readonly GroupLog[] = []): FinalBlock {
  return {
    number,
    hash: hash(number),
    parentHash: hash(number - 1),
    timestamp,
    prevRandao: BigInt(number) * 7n,
    logs,
  };
}

/** Event that opens an order of two slots. */
export function openedLog(
  id: number,
  options: { sequence: number; startEpoch: number; endEpoch: number; providers?: readonly number[] },
): GroupLog {
  const { sequence, startEpoch, endEpoch, providers = [1, 2] } = options;
  const order: Order = {
    group: address(5),
    owner: address(20),
    payer: address(20),
    providers,
    shardRoot: hash(1_000 + id),
    stripes: 3,
    policy: 0x20001,
    layout: 0,
    startEpoch,
    endEpoch,
    price: 1n << 40n,
    minEpochs: 1,
    openBy: 0n,
    manifest: { firstStripe: 0, stripes: 1, length: 10n, digest: hash(1) },
    salt: hash(id),
  };
  return logOf("orders", "OrderOpened", {
    orderId: hash(id),
    owner: order.owner,
    payer: order.payer,
    sequence: BigInt(sequence),
    order,
  });
}

/** Event that registers a provider. */
export function registeredLog(providerId: number): GroupLog {
  const { owner, operator } = { owner: address(100 + providerId), operator: address(200 + providerId) };
  const facts = { domain: hash(3), ask: 5n, repairs: true, endpoint: "/e" };
  return logOf("staking", "ProviderRegistered", { providerId, owner, operator, ...facts });
}
