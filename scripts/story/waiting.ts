import { challengeSettlementAbi } from "../../protocol/abi/generated/ChallengeSettlement.ts";
import { MemoError } from "../../protocol/errors.ts";
import { BLOCK_SECONDS } from "../embedded/conductor.ts";
import type { EmbeddedNetwork } from "../embedded/network.ts";

/** A certificate that takes this many epochs will not come any more. */
const CERTIFICATE_EPOCHS = 5;

/**
 * Mines until something has happened.
 * @param what Ends the sentence "… has not happened", for whoever reads the failure.
 * @throws NOT_HAPPENED when it has not after `epochs` epochs
 */
export async function untilHappened(
  network: EmbeddedNetwork,
  what: string,
  epochs: number,
  happened: () => Promise<boolean>,
): Promise<void> {
  const blocks = Math.ceil((epochs * network.group.parameters.epochLength) / BLOCK_SECONDS);
  try {
    await network.conductor.mineUntil(happened, { blocks });
  } catch (error) {
    if (!(error instanceof MemoError) || error.code !== "GOAL_NOT_REACHED") throw error;
    const epoch = await network.epochNow();
    throw new MemoError(
      "NOT_HAPPENED",
      `${what} has not happened in ${epochs} epochs (it is epoch ${epoch}).`,
    );
  }
}

/** Last epoch that is certified and whose exceptions are all applied. */
export function lastFinished({ chain, group }: EmbeddedNetwork): Promise<number> {
  return chain.publicClient.readContract({
    address: group.settlement,
    abi: challengeSettlementAbi,
    functionName: "lastFinished",
  });
}

/** Mines until the certificate of `epoch` is on chain and all its exceptions are applied. */
export function untilFinished(network: EmbeddedNetwork, epoch: number): Promise<void> {
  const what = `The certificate of epoch ${epoch}`;
  return untilHappened(network, what, CERTIFICATE_EPOCHS, async () => (await lastFinished(network)) >= epoch);
}

/**
 * Mines until every epoch that was asked about is settled, and the next one has not been asked about.
 * @returns that next epoch: what happens to the network now is seen in it first
 */
export async function betweenEpochs(network: EmbeddedNetwork): Promise<number> {
  const epoch = await network.epochNow();
  await untilFinished(network, epoch);
  return epoch + 1;
}
