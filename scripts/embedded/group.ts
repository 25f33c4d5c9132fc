import { join } from "node:path";
import { type Abi, parseEther } from "viem";
import { deployGroup } from "../../ignition/deploy.ts";
import { challengeSettlementAbi } from "../../protocol/abi/generated/ChallengeSettlement.ts";
import { memoTokenAbi } from "../../protocol/abi/generated/MemoToken.ts";
import { type DeployedGroup, type Deployment, writeDeployment } from "../../protocol/chain/deployment.ts";
import { MemoError } from "../../protocol/errors.ts";
import { embeddedAccount, embeddedKey } from "./accounts.ts";
import { type Sender, sendAll } from "./calls.ts";
import { type Member, registerMembers } from "./members.ts";
import type { NetworkChain } from "./networkChain.ts";

/** Tokens that the user begins with. */
const USER_TOKENS = parseEther("100000");

export interface EmbeddedGroup {
  deployment: Deployment;
  group: DeployedGroup;
  deploymentPath: string;
}

/** Deploys token, factory and one group, and writes the file that every part reads. Somebody has to mine meanwhile. */
export async function createEmbeddedGroup(chain: NetworkChain, dataDir: string): Promise<EmbeddedGroup> {
  const deployment = await deployGroup({ rpcUrl: chain.url, keys: [embeddedKey("deployer")] });
  const deploymentPath = join(dataDir, "deployment.json");
  await writeDeployment(deploymentPath, deployment);
  const group = deployment.groups[0];
  if (group === undefined) throw new MemoError("GROUP_MISSING", "The deployment made no group.");
  return { deployment, group, deploymentPath };
}

/** Registers everybody with stake, writes the first roster and gives the user tokens. */
export async function populateGroup(
  sender: Sender,
  { deployment, group }: EmbeddedGroup,
  members: { providers: readonly Member[]; keepers: readonly Member[] },
): Promise<void> {
  const { token } = deployment;
  await registerMembers({ ...sender, ...members, token, staking: group.staking });
  const account = embeddedAccount("deployer");
  await sendAll(sender, [
    {
      account,
      address: group.settlement,
      abi: challengeSettlementAbi as Abi,
      functionName: "rotate",
      args: [],
    },
    {
      account,
      address: token,
      abi: memoTokenAbi as Abi,
      functionName: "transfer",
      args: [embeddedAccount("user").address, USER_TOKENS],
    },
  ]);
}
