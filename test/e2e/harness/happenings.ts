import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { Hex } from "viem";
import type { StoreResult } from "../../../client/store/store.ts";
import { stakingAbi } from "../../../protocol/abi/generated/Staking.ts";
import { contractError } from "../../../protocol/chain/contractErrors.ts";
import { embeddedAccount } from "../../../scripts/embedded/accounts.ts";
import { sendAll } from "../../../scripts/embedded/calls.ts";
import type { EmbeddedNetwork } from "../../../scripts/embedded/network.ts";
import { senderOf, targetsOf } from "../../../scripts/story/acts/play.ts";
import { readAcceptances, readRecord } from "../../../scripts/story/acts/repair.ts";
import { readSettlementLogs } from "../../../scripts/story/groupLogs.ts";
import { untilHappened } from "../../../scripts/story/waiting.ts";

/* What happens in a network in which things go wrong, waited for and looked up. */

/** Role 0 of `Staking`. */
const PROVIDER_ROLE = 0;

/** Waits until a provider has lost slots. @returns the epoch whose certificate says so */
export async function untilLost(network: EmbeddedNetwork, provider: number): Promise<number> {
  const found = () => readRecord(network, provider);
  await untilHappened(network, `The loss of provider ${provider}`, 12, async () => !!(await found()));
  return (await found())?.epoch ?? 0;
}

/** Waits until somebody else holds what a provider lost. @returns who */
export async function untilTaken(network: EmbeddedNetwork, orderId: Hex, former: number): Promise<number> {
  const found = async () =>
    (await readAcceptances(network)).find((each) => each.orderId === orderId && each.former === former);
  await untilHappened(network, `The repair of ${former}`, 12, async () => !!(await found()));
  return (await found())?.provider ?? 0;
}

/** Epochs that a provider missed, as certified. */
export async function missedEpochs(network: EmbeddedNetwork, provider: number): Promise<number[]> {
  const logs = await readSettlementLogs(network);
  const missed = logs.filter((log) => log.eventName === "ProviderMissed");
  return missed.filter(({ args }) => args.providerId === provider).map(({ args }) => args.epoch);
}

/** Says on chain that a provider wants to leave. */
export async function setExiting(network: EmbeddedNetwork, provider: number): Promise<void> {
  await sendAll(senderOf(network), [
    {
      ...targetsOf(network).staking,
      account: embeddedAccount("provider owner", provider),
      functionName: "setExiting",
      args: [provider, true],
    },
  ]);
}

/** Asks for all stake that a provider has; returns the contract's refusal, if it refuses. */
export async function refusalToUnbond(
  network: EmbeddedNetwork,
  provider: number,
  amount: bigint,
): Promise<string | undefined> {
  const { chain, group } = network;
  try {
    await chain.publicClient.simulateContract({
      address: group.staking,
      abi: stakingAbi,
      functionName: "requestUnbonding",
      args: [PROVIDER_ROLE, provider, amount],
      account: embeddedAccount("provider owner", provider),
    });
    return undefined;
  } catch (error) {
    return contractError(error, "requestUnbonding").code;
  }
}

/** Waits for something that happens in another process, by no block. */
export async function until(happened: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!(await happened())) {
    assert.ok(performance.now() < deadline, "it has not happened in two minutes");
    await delay(50);
  }
}

/** Whether the first slot of an order can be given up now. */
export async function canVoid(network: EmbeddedNetwork, order: StoreResult["order"]): Promise<boolean> {
  const { chain } = network;
  const call = { ...targetsOf(network).repairs, functionName: "voidSlot", args: [order, 0] };
  return chain.publicClient
    .simulateContract({ ...call, account: embeddedAccount("outsider") })
    .then(() => true)
    .catch(() => false);
}
