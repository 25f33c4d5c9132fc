import type { Address, PublicClient } from "viem";
import { challengeSettlementAbi } from "../../protocol/abi/generated/ChallengeSettlement.ts";
import type { StoryContext } from "./context.ts";
import { formatCount } from "./format.ts";

/** Twelve blocks make an epoch; a certificate that takes five epochs will not come any more. */
const BLOCKS_PER_CERTIFICATE = 60;

/** A certificate as it stands on chain. */
export interface CertifiedEpoch {
  epoch: number;
  round: number;
  /** Roster index of the leader of that round. */
  leader: number;
  exceptions: number;
  signers: number;
  gas: number;
}

function bits(bitmap: number): number {
  return bitmap.toString(2).replaceAll("0", "").length;
}

/** All certificates of a group so far, with the gas of the transactions that carried them. */
export async function readCertificates(
  client: PublicClient,
  settlement: Address,
  fromBlock: bigint,
): Promise<CertifiedEpoch[]> {
  const logs = await client.getContractEvents({
    address: settlement,
    abi: challengeSettlementAbi,
    eventName: "EpochCertified",
    fromBlock,
    toBlock: "latest",
    strict: true,
  });
  return Promise.all(
    logs.map(async ({ args, transactionHash }) => ({
      epoch: args.epoch,
      round: args.round,
      leader: args.leader,
      exceptions: args.exceptions,
      signers: bits(args.signers),
      gas: Number((await client.getTransactionReceipt({ hash: transactionHash })).gasUsed),
    })),
  );
}

/** Mines until the certificate of `epoch` is on chain and all its exceptions are applied. */
export async function untilFinished(context: StoryContext, epoch: number): Promise<void> {
  const { conductor, chain, group } = context.network;
  const settlement = { address: group.settlement, abi: challengeSettlementAbi } as const;
  await conductor.mineUntil(
    async () =>
      (await chain.publicClient.readContract({ ...settlement, functionName: "lastFinished" })) >= epoch,
    { blocks: BLOCKS_PER_CERTIFICATE },
  );
}

/** Runs the epochs from the order's first one on, and tells what the keepers certified of each. */
export async function runEpochs(
  context: StoryContext,
  firstEpoch: number,
  count: number,
): Promise<CertifiedEpoch[]> {
  const { network, terminal } = context;
  const { publicClient } = network.chain;
  terminal.stage(`Proving it for ${count} epochs`);
  await network.advanceTo(firstEpoch);
  for (let epoch = firstEpoch; epoch < firstEpoch + count; epoch++) {
    await untilFinished(context, epoch);
    const certificates = await readCertificates(
      publicClient,
      network.group.settlement,
      BigInt(network.group.startBlock),
    );
    const found = certificates.find((certificate) => certificate.epoch === epoch);
    terminal.step(found === undefined ? `epoch ${epoch} has no certificate` : describe(found));
  }
  return readCertificates(publicClient, network.group.settlement, BigInt(network.group.startBlock));
}

/** One line about a certificate. */
export function describe({ epoch, round, exceptions, signers, gas }: CertifiedEpoch): string {
  const verdict =
    exceptions === 0 ? "everybody proved what it holds" : `${exceptions} provider(s) missed and are not paid`;
  const rounds = round === 0 ? "" : ` in round ${round}`;
  return `epoch ${epoch}: ${verdict}; ${signers} keepers certified it${rounds} for ${formatCount(gas)} gas`;
}
