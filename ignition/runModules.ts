import {
  errorDeploymentResultToExceptionMessage,
  HardhatArtifactResolver,
} from "@nomicfoundation/hardhat-ignition/helpers";
import {
  type DeployConfig,
  DeploymentResultType,
  deploy,
  type ExecutionEventListener,
} from "@nomicfoundation/ignition-core";
import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import type { EthereumProvider } from "hardhat/types/providers";
import {
  type Address,
  createPublicClient,
  custom,
  type Hex,
  keccak256,
  type PublicClient,
  toHex,
} from "viem";
import type { GroupParameters } from "../protocol/chain/parameters.ts";
import { MemoError } from "../protocol/errors.ts";
import { groupModule, groupModuleId } from "./modules/Group.ts";

/** What a group is made with; token and contracts come with the deployment. */
export type GroupChoice = Omit<GroupParameters, "token">;

/** Everything that a deployment is made with. */
export type DeploymentChoice = {
  /** Token wei, all of it the deployer's. */
  readonly supply: bigint;
  /** What the factory is told about its chain. */
  readonly facts: {
    readonly blockTime: number;
    readonly appealWindowMin: number;
    readonly blobs: boolean;
  };
  readonly group: GroupChoice;
};

export type ModuleRun = {
  readonly hre: HardhatRuntimeEnvironment;
  readonly provider: EthereumProvider;
  /** Sends and pays. */
  readonly sender: Address;
  /** Ignition's journal: what is in it is not done again. */
  readonly journal: string;
  readonly groupName: string;
  readonly choice: DeploymentChoice;
  readonly config?: Partial<DeployConfig>;
  readonly listener?: ExecutionEventListener;
};

/** Salt under which the factory makes the group of this name: the same name gives the same addresses. */
export function groupSalt(name: string): Hex {
  return keccak256(toHex(name));
}

/** Contracts and balances of the chain behind a provider of Hardhat's. */
export function clientOf(provider: EthereumProvider): PublicClient {
  return createPublicClient({ transport: custom(provider, { retryCount: 0 }), cacheTime: 0 });
}

/** Accounts that a provider signs for. */
export async function accountsOf(provider: EthereumProvider): Promise<readonly Address[]> {
  return (await provider.request({ method: "eth_accounts" })) as readonly Address[];
}

/**
 * Brings token, factory, store registry and one group onto a chain, or what of it the journal does not have yet.
 * @throws DEPLOY_INCOMPLETE with Ignition's words, and what the node throws
 */
export async function runModules(run: ModuleRun): Promise<void> {
  const { hre, provider, sender, choice, groupName, listener } = run;
  const result = await deploy({
    provider,
    ignitionModule: groupModule(groupName),
    deploymentDir: run.journal,
    artifactResolver: new HardhatArtifactResolver(hre.artifacts),
    accounts: [sender],
    defaultSender: sender,
    deploymentParameters: {
      Token: { supply: choice.supply },
      Factory: choice.facts,
      [groupModuleId(groupName)]: { ...choice.group, salt: groupSalt(groupName) },
    },
    ...(run.config === undefined ? {} : { config: run.config }),
    ...(listener === undefined ? {} : { executionEventListener: listener }),
  });
  if (result.type === DeploymentResultType.SUCCESSFUL_DEPLOYMENT) return;
  throw new MemoError("DEPLOY_INCOMPLETE", errorDeploymentResultToExceptionMessage(result), {
    details: { result: result.type },
  });
}
