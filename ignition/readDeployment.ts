import { getAddress, type Hex, type PublicClient, parseEventLogs } from "viem";
import { groupFactoryAbi } from "../protocol/abi/generated/GroupFactory.ts";
import type { DeployedGroup, Deployment } from "../protocol/chain/deployment.ts";
import { MemoError } from "../protocol/errors.ts";
import { GROUP_FUTURE } from "./modules/Group.ts";
import { readJournal } from "./readJournal.ts";

/**
 * What the transactions of a journal left on the chain: token, factory, registry and every group that is done.
 * @throws DEPLOY_UNFINISHED, and what the node throws
 */
export async function readDeployment(client: PublicClient, folder: string): Promise<Deployment> {
  const done = [...(await readJournal(folder)).values()].filter((entry) => entry.done);
  const receiptOf = async (futureId: string) => {
    const hash = done.find((entry) => entry.futureId === futureId)?.transaction;
    if (hash === undefined) throw unfinished(`${futureId} is not done in ${folder}`);
    const { contractAddress, blockNumber } = await client.getTransactionReceipt({ hash });
    if (!contractAddress) throw unfinished(`${hash} made no contract`);
    return { address: getAddress(contractAddress), startBlock: Number(blockNumber) };
  };
  const factory = await receiptOf("Factory#GroupFactory");
  const storeRegistry = await receiptOf("StoreRegistry#StoreRegistry");
  const token = (await receiptOf("Token#MemoToken")).address;
  const groups = await Promise.all(
    done
      .filter(({ futureId }) => GROUP_FUTURE.test(futureId))
      .map(({ transaction }) => readGroup(client, transaction!)),
  );
  if (groups.length === 0) throw unfinished(`${folder} has no group that is done`);
  return { chainId: await client.getChainId(), factory, storeRegistry, token, groups };
}

async function readGroup(client: PublicClient, hash: Hex): Promise<DeployedGroup> {
  const { logs } = await client.getTransactionReceipt({ hash });
  const created = parseEventLogs({ abi: groupFactoryAbi, eventName: "GroupCreated", logs })[0];
  if (created === undefined) throw unfinished(`the factory logged no group in ${hash}`);
  const { creator: _, parameters, ...group } = created.args;
  return {
    ...group,
    startBlock: Number(created.blockNumber),
    parameters: { ...parameters, genesis: Number(parameters.genesis) },
  };
}

function unfinished(what: string): MemoError {
  return new MemoError(
    "DEPLOY_UNFINISHED",
    `The deployment is not complete: ${what}. Deploy again, it goes on from there.`,
  );
}
