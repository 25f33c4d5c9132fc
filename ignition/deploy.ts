import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createHardhatRuntimeEnvironment } from "hardhat/hre";
import type { Address, Hex } from "viem";
import config from "../hardhat.config.ts";
import type { Deployment } from "../protocol/chain/deployment.ts";
import { packThresholds } from "../protocol/chain/parameters.ts";
import { MemoError } from "../protocol/errors.ts";
import { buildContracts } from "./buildContracts.ts";
import { readDeployment } from "./readDeployment.ts";
import { accountsOf, clientOf, type GroupChoice, runModules } from "./runModules.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const POLL_MS = 50;
const GROUP_NAME = "main";
/** Token wei: 10^9 tokens of 18 decimals. */
const TOKEN_SUPPLY = 10n ** 27n;
/** Seconds; a conductor mines whenever duties are done. */
const BLOCK_TIME = 1;
/** Seconds; nobody orders the blocks of one machine to somebody's harm. */
const APPEAL_WINDOW_MIN = 60;

/** Parameters that a caller chooses. */
export type ChosenParameters = Omit<GroupChoice, "treasury" | "genesis">;

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
  /** JSON-RPC of a chain that mines by itself while this runs. */
  readonly rpcUrl: string;
  /** Over `embeddedParameters()`; genesis is the latest block's time by default, treasury the sender. */
  readonly parameters?: Partial<ChosenParameters> & {
    readonly genesis?: number;
    readonly treasury?: Address;
  };
  /** Keys to sign with; without them the node signs with its own. */
  readonly keys?: readonly Hex[];
  /** Who deploys, of the accounts with those keys; the first one by default. It receives the token's supply. */
  readonly from?: Address;
  /** Token wei. */
  readonly supply?: bigint;
};

/**
 * Deploys token, factory and one group through the Ignition modules of this folder, and says where they are.
 * @throws CONTRACTS_NOT_BUILT, SENDER_MISSING, DEPLOY_INCOMPLETE
 */
export async function deployGroup(options: DeployGroupOptions): Promise<Deployment> {
  const { rpcUrl, keys, supply = TOKEN_SUPPLY } = options;
  await buildContracts();
  const accounts = keys === undefined ? ("remote" as const) : [...keys];
  // Ignition keeps a journal per chain id; such a chain begins anew each time and needs none.
  const journal = await mkdtemp(join(tmpdir(), "memo-ignition-"));
  try {
    const hre = await createHardhatRuntimeEnvironment(
      { ...config, networks: { remote: { type: "http", chainType: "l1", url: rpcUrl, accounts } } },
      {},
      ROOT,
    );
    const connection = await hre.network.create("remote");
    try {
      const { provider } = connection;
      const client = clientOf(provider);
      const sender = options.from ?? (await accountsOf(provider))[0];
      if (sender === undefined) {
        throw new MemoError("SENDER_MISSING", "The node has no account to deploy with: give a key.");
      }
      const genesis = Number((await client.getBlock()).timestamp);
      await runModules({
        ...{ hre, provider, sender, journal },
        groupName: GROUP_NAME,
        choice: {
          supply,
          facts: { blockTime: BLOCK_TIME, appealWindowMin: APPEAL_WINDOW_MIN, blobs: false },
          group: { ...embeddedParameters(), genesis, treasury: sender, ...options.parameters },
        },
        config: { requiredConfirmations: 1, blockPollingInterval: POLL_MS },
      });
      return await readDeployment(client, journal);
    } finally {
      await connection.close();
    }
  } finally {
    await rm(journal, { recursive: true, force: true });
  }
}
