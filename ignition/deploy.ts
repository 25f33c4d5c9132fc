import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createHardhatRuntimeEnvironment } from "hardhat/hre";
import { type Address, createPublicClient, type Hex, http, parseEventLogs } from "viem";
import config from "../hardhat.config.ts";
import { groupFactoryAbi } from "../protocol/abi/generated/GroupFactory.ts";
import type { Deployment } from "../protocol/chain/deployment.ts";
import { type GroupParameters, packThresholds } from "../protocol/chain/parameters.ts";
import { MemoError } from "../protocol/errors.ts";
import { buildContracts } from "./buildContracts.ts";
import Group from "./modules/Group.ts";
import { TOKEN_SUPPLY } from "./modules/Token.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const POLL_MS = 50;
/** Seconds; nobody orders the blocks of one machine to somebody's harm. */
const APPEAL_WINDOW_MIN = 60;

/** Parameters that a caller chooses; the token is deployed with the group. */
export type ChosenParameters = Omit<GroupParameters, "token" | "treasury" | "genesis">;

/** A group whose epochs last a minute of chain time, for one machine. */
export function embeddedParameters(): ChosenParameters {
  return {
    epochLength: 60,
    seedDelay: 20,
    answerWindow: 20,
    applyWindow: 600,
    applyWindowBlocks: 20,
    payerDelay: 3600,
    unbondingDelay: 7200,
    confirmations: 2,
    maxGap: 8,
    samples: 64,
    termLength: 1000,
    minKeeperStake: 1000n * 10n ** 18n,
    minProviderStake: 100n * 10n ** 18n,
    collateralPerShard: 10n ** 15n,
    minPrice: 100n << 32n,
    appealWindow: 120,
    appealWindowBlocks: 12,
    protectionEpochs: 16,
    evictionCap: 5000,
    challengeBond: 10n ** 15n,
    repairBonusPerShard: 2n * 10n ** 14n,
    repairThresholds: packThresholds([2, 2, 3, 4]),
    offerEpochs: 3,
    offerExpiries: 3,
    coolOffEpochs: 4,
    freezeShare: 5000,
    freezeEpochs: 4,
    repairBudget: 64,
    rejoinEpochs: 4,
    lockShare: 10_000,
    blobAnswers: false,
  };
}

export type DeployGroupOptions = {
  /** JSON-RPC of a chain that mines by itself, or is mined, while this runs. */
  readonly rpcUrl: string;
  /** Private keys to sign with; without any the node signs with its own accounts. */
  readonly keys?: readonly Hex[];
  /** Over `embeddedParameters()`; genesis is the latest block's time by default, treasury the sender. */
  readonly parameters?: Partial<ChosenParameters> & {
    readonly genesis?: number;
    readonly treasury?: Address;
  };
  /** Account that sends; the first one by default. It receives the token's supply. */
  readonly from?: Address;
  /** Token wei. */
  readonly supply?: bigint;
};

/**
 * Deploys token, factory and one group through the Ignition modules of this folder, and says where they are.
 * @throws CONTRACTS_NOT_BUILT, GROUP_NOT_CREATED
 */
export async function deployGroup(options: DeployGroupOptions): Promise<Deployment> {
  const { rpcUrl, supply = TOKEN_SUPPLY } = options;
  await buildContracts();
  const client = createPublicClient({ transport: http(rpcUrl), cacheTime: 0 });
  const latest = await client.getBlock();
  const chosen = { ...embeddedParameters(), genesis: Number(latest.timestamp), ...options.parameters };
  // Ignition keeps a journal per chain id; an embedded chain begins anew each time and needs none.
  const accounts = options.keys === undefined ? ("remote" as const) : [...options.keys];
  const journal = await mkdtemp(join(tmpdir(), "memo-ignition-"));
  try {
    const hre = await createHardhatRuntimeEnvironment(
      {
        ...config,
        paths: { ...config.paths, ignition: journal },
        networks: { remote: { type: "http", chainType: "l1", url: rpcUrl, accounts } },
      },
      {},
      ROOT,
    );
    const connection = await hre.network.create("remote");
    try {
      const contracts = (await connection.ignition.deploy(Group, {
        parameters: {
          Token: { supply },
          Factory: { appealWindowMin: APPEAL_WINDOW_MIN },
          Group: chosen,
        },
        ...(options.from === undefined ? {} : { defaultSender: options.from }),
        config: { requiredConfirmations: 1, blockPollingInterval: POLL_MS },
        // Hardhat knows the contracts' types only after a build.
      })) as unknown as Record<"factory" | "token", { readonly address: Address }>;
      const startBlock = Number(latest.number) + 1;
      return await readDeployment(client, contracts.factory.address, contracts.token.address, startBlock);
    } finally {
      await connection.close();
    }
  } finally {
    await rm(journal, { recursive: true, force: true });
  }
}

async function readDeployment(
  client: ReturnType<typeof createPublicClient>,
  factory: Address,
  token: Address,
  startBlock: number,
): Promise<Deployment> {
  const logs = await client.getLogs({ address: factory, fromBlock: BigInt(startBlock) });
  const created = parseEventLogs({ abi: groupFactoryAbi, eventName: "GroupCreated", logs })[0];
  if (created === undefined) {
    throw new MemoError(
      "GROUP_NOT_CREATED",
      "The factory logged no group. Look at the deploying transactions.",
      {
        details: { factory },
      },
    );
  }
  const { groupId, staking, orders, settlement, disputes, repairs, allowances, parameters } = created.args;
  return {
    chainId: await client.getChainId(),
    factory: { address: factory, startBlock },
    token,
    groups: [
      {
        groupId,
        staking,
        orders,
        settlement,
        disputes,
        repairs,
        allowances,
        startBlock: Number(created.blockNumber),
        parameters: { ...parameters, genesis: Number(parameters.genesis) },
      },
    ],
  };
}
