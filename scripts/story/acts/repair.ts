import type { Hex } from "viem";
import { challengeSettlementAbi } from "../../../protocol/abi/generated/ChallengeSettlement.ts";
import type { EmbeddedNetwork } from "../../embedded/network.ts";
import { naming } from "../certificates.ts";
import type { StoryContext } from "../context.ts";
import { formatTokens } from "../format.ts";
import { readDisputeLogs, readRepairLogs } from "../groupLogs.ts";
import { tellEpoch } from "../runEpochs.ts";
import { lastFinished, untilHappened } from "../waiting.ts";

/** The longest that thresholds, brakes and an offer that expires can take in the embedded group. */
const PATIENCE_EPOCHS = 12;

/** A slot that found a new holder. */
export interface Acceptance {
  orderId: Hex;
  slot: number;
  provider: number;
  former: number;
  /** First epoch of the new holder. */
  since: number;
  /** First epoch that the former one is not paid for; names the vacancy. */
  until: number;
}

/** All slots that found a new holder so far. */
export async function readAcceptances(network: EmbeddedNetwork): Promise<Acceptance[]> {
  const logs = await readRepairLogs(network);
  return logs
    .filter((log) => log.eventName === "RepairAccepted")
    .map(({ args: { orderId, slot, providerId: provider, since, former, until } }) => {
      return { orderId, slot, provider, former, since, until };
    });
}

/** The newest lost record of a provider. */
export async function readRecord(network: EmbeddedNetwork, provider: number) {
  const logs = await readDisputeLogs(network);
  const records = logs.filter((log) => log.eventName === "LostRecorded");
  return records.filter(({ args }) => args.providerId === provider).at(-1)?.args;
}

export type LostRecord = NonNullable<Awaited<ReturnType<typeof readRecord>>>;

/** Lets epochs pass, each told, until each of the providers has lost its slots. */
export async function untilLost(context: StoryContext, providers: readonly number[]): Promise<LostRecord[]> {
  const { network } = context;
  const from = await lastFinished(network);
  for (let epoch = from + 1; epoch <= from + PATIENCE_EPOCHS; epoch++) {
    await tellEpoch(context, epoch);
    const records = await Promise.all(providers.map((provider) => readRecord(network, provider)));
    const found = records.filter((record) => record !== undefined);
    if (found.length === providers.length) return found;
  }
  await untilHappened(network, `The loss of ${naming("provider", providers)}`, 0, async () => false);
  return [];
}

/** Waits until other providers hold all that these have lost, and have proven every shard of it. */
export async function untilRepaired(
  { network, terminal }: StoryContext,
  lost: readonly { orderId: Hex; former: number }[],
): Promise<Acceptance[]> {
  const wanted = async () => {
    const all = await readAcceptances(network);
    return lost.map(({ orderId, former }) =>
      all.find((each) => each.orderId === orderId && each.former === former),
    );
  };
  await untilHappened(
    network,
    "The repair",
    PATIENCE_EPOCHS,
    async () => !(await wanted()).includes(undefined),
  );
  const accepted = (await wanted()).filter((each) => each !== undefined);
  for (const { slot, provider, former, since } of accepted) {
    terminal.step(
      `provider ${provider} rebuilt slot ${slot} of provider ${former} from the others' shards and accepted it ` +
        `by its own transaction; it is challenged from epoch ${since} on`,
    );
  }
  await untilHappened(network, "The first proof of the new holders", PATIENCE_EPOCHS, async () =>
    (await Promise.all(accepted.map((each) => hasPassed(network, each)))).every(Boolean),
  );
  terminal.step(
    `${naming(
      "provider",
      accepted.map(({ provider }) => provider),
    )} proved every shard of what they rebuilt`,
  );
  return accepted;
}

/** Whether the new holder has passed its first epoch, in which it owes all shards of the slot. */
function hasPassed({ chain, group }: EmbeddedNetwork, { provider, since }: Acceptance): Promise<boolean> {
  return chain.publicClient.readContract({
    address: group.settlement,
    abi: challengeSettlementAbi,
    functionName: "passed",
    args: [provider, since],
  });
}

/** Waits until the former holders' collateral is settled and the bonuses are paid, and says what came of both. */
export async function untilPaid(
  { network, terminal }: StoryContext,
  accepted: readonly Acceptance[],
): Promise<void> {
  const isOf =
    ({ orderId, slot, until }: Acceptance) =>
    (log: { args: { orderId: Hex; slot: number; until: number } }) =>
      log.args.orderId === orderId && log.args.slot === slot && log.args.until === until;
  const bonusOf = async (acceptance: Acceptance) => {
    const logs = await readRepairLogs(network);
    return logs.filter((log) => log.eventName === "BonusPaid").find(isOf(acceptance));
  };
  await untilHappened(network, "The payment of the bonuses", PATIENCE_EPOCHS, async () =>
    (await Promise.all(accepted.map(bonusOf))).every((log) => log !== undefined),
  );
  const disputes = await readDisputeLogs(network);
  for (const acceptance of accepted) {
    const slashed = disputes.filter((log) => log.eventName === "CollateralSlashed").find(isOf(acceptance));
    const bonus = (await bonusOf(acceptance))?.args.amount ?? 0n;
    const from =
      slashed === undefined
        ? `provider ${acceptance.former} keeps its stake, so the bonus comes from what the empty slot did not earn`
        : `provider ${acceptance.former} is slashed: ${formatTokens(slashed.args.toPayer)} MEMO to the user, ` +
          `${formatTokens(slashed.args.toPot)} to the repairer, ${formatTokens(slashed.args.toTreasury)} to the treasury`;
    terminal.step(`slot ${acceptance.slot}: ${from}`);
    terminal.note(`provider ${acceptance.provider} has its bonus of ${formatTokens(bonus)} MEMO`);
  }
}
