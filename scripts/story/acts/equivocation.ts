import {
  type Hex,
  parseSignature,
  serializeCompactSignature,
  signatureToCompactSignature,
  stringToHex,
} from "viem";
import { challengeSettlementAbi } from "../../../protocol/abi/generated/ChallengeSettlement.ts";
import { type Certificate, COMMIT_TYPES, settlementDomain } from "../../../protocol/certificate.ts";
import { termOf } from "../../../protocol/chain/epochs.ts";
import { MemoError } from "../../../protocol/errors.ts";
import { embeddedAccount } from "../../embedded/accounts.ts";
import { sendAll } from "../../embedded/calls.ts";
import type { EmbeddedNetwork } from "../../embedded/network.ts";
import type { StoryContext } from "../context.ts";
import { formatTokens } from "../format.ts";
import { readSettlementLogs } from "../groupLogs.ts";
import { tellEpoch } from "../runEpochs.ts";
import { lastFinished } from "../waiting.ts";
import { senderOf, targetsOf } from "./play.ts";

/** Signs a commit with a keeper's key, as its daemon does; here without the journal that keeps it from doing so twice. */
async function signCommit(network: EmbeddedNetwork, keeper: number, certificate: Certificate): Promise<Hex> {
  const { deployment, group } = network;
  const signature = await embeddedAccount("keeper operator", keeper).signTypedData({
    domain: settlementDomain(deployment.chainId, group.settlement),
    types: COMMIT_TYPES,
    primaryType: "Commit",
    message: { group: group.settlement, ...certificate },
  });
  return serializeCompactSignature(signatureToCompactSignature(parseSignature(signature)));
}

async function newestCertificate(network: EmbeddedNetwork): Promise<Certificate> {
  const logs = await readSettlementLogs(network);
  const newest = logs.filter((log) => log.eventName === "EpochCertified").at(-1);
  if (newest === undefined) throw new MemoError("EVENT_MISSING", "No epoch has been certified yet.");
  const { term, epoch, round, resultsRoot, exceptionsRoot, exceptions, absent, leader } = newest.args;
  return { term, epoch, round, resultsRoot, exceptionsRoot, exceptions, absent, leader };
}

/** A keeper signs two results of one round; an outsider reports it. @returns what the report was worth */
export async function reportDoubleSigner(network: EmbeddedNetwork, keeper: number) {
  const { chain, group } = network;
  const honest = await newestCertificate(network);
  const other = { ...honest, resultsRoot: stringToHex("other results", { size: 32 }) };
  const members = await chain.publicClient.readContract({
    address: group.settlement,
    abi: challengeSettlementAbi,
    functionName: "rosterKeepers",
    args: [termOf(group.parameters, honest.epoch)],
  });
  const signatures = await Promise.all([honest, other].map((each) => signCommit(network, keeper, each)));
  await sendAll(senderOf(network), [
    {
      ...targetsOf(network).settlement,
      account: embeddedAccount("outsider"),
      functionName: "reportEquivocation",
      args: [honest, other, members.indexOf(keeper), ...signatures],
    },
  ]);
  const logs = await readSettlementLogs(network);
  return logs.filter((log) => log.eventName === "EquivocationReported").at(-1)?.args;
}

/** One keeper signs twice and is caught; the others go on without it. */
export async function catchDoubleSigner(context: StoryContext, keeper: number): Promise<void> {
  const { network, terminal } = context;
  terminal.stage("A keeper signs two results of one round");
  const reported = await reportDoubleSigner(network, keeper);
  terminal.step(
    `keeper ${keeper} was reported and lost its whole stake of ${formatTokens(reported?.slashed ?? 0n)} MEMO: ` +
      `${formatTokens(reported?.reward ?? 0n)} to the reporter, the rest burnt`,
  );
  const epoch = await lastFinished(network);
  await tellEpoch(context, epoch + 1);
  await tellEpoch(context, epoch + 2);
}
