import { createPublicClient, createWalletClient, type Hex, http } from "viem";
import { stakingAbi } from "../protocol/abi/generated/Staking.ts";
import { findGroup, readDeployment } from "../protocol/chain/deployment.ts";
import { createTransactor } from "../protocol/chain/transactor.ts";
import { MemoError } from "../protocol/errors.ts";
import { accountOfKeyFile } from "../protocol/runtime/keyAccount.ts";
import { createLogger } from "../protocol/runtime/logger.ts";
import type { ProviderSettings } from "./settings.ts";

/**
 * Says on chain that a provider wants to leave, or stays after all. Its slots are offered to others; it has to run and
 * prove them until each is taken over.
 * @throws NOT_REGISTERED, CONTRACT_ExitUnchanged, SETTING_INVALID, DEPLOYMENT_*, GROUP_*, KEY_FILE_*
 */
export async function setExiting(
  settings: ProviderSettings,
  exiting: boolean,
): Promise<{ providerId: number; exiting: boolean; transaction: Hex }> {
  const deployment = await readDeployment(settings.deployment, settings.rpcUrl);
  const group = findGroup(deployment, settings.group);
  const account = await accountOfKeyFile(settings.operatorKeyFile, "--operator-key-file");
  const transport = http(settings.rpcUrl);
  const publicClient = createPublicClient({ transport });
  const staking = { address: group.staking, abi: stakingAbi } as const;
  const providerId = await publicClient.readContract({
    ...staking,
    functionName: "providerOf",
    args: [account.address],
  });
  if (providerId === 0) {
    throw new MemoError(
      "NOT_REGISTERED",
      `${account.address} is the operator of no provider of this group.`,
      {
        details: { operator: account.address, group: group.settlement },
      },
    );
  }
  const transactor = createTransactor({
    walletClient: createWalletClient({ account, transport }),
    publicClient,
    logger: createLogger({ name: "memo-provider", level: settings.logLevel }),
  });
  try {
    const { hash } = await transactor.send({
      ...staking,
      functionName: "setExiting",
      args: [providerId, exiting],
    });
    return { providerId, exiting, transaction: hash };
  } finally {
    transactor.close();
  }
}
