import type { PublicClient } from "viem";
import { probeChain } from "../../protocol/chain/probeChain.ts";
import { MemoError } from "../../protocol/errors.ts";
import { describeRpcError, isUnanswered, type RpcRequest, rpcOf } from "./rpc.ts";

/** When a chain mines by itself. */
export interface Mining {
  /** At every transaction. */
  auto: boolean;
  /** Every so many seconds; absent where the node does not tell. */
  interval?: number;
}

/** What a development chain says of itself. */
export interface DevelopmentChain {
  id: number;
  /** Client and version. */
  version: string;
  mining: Mining;
}

/**
 * Finds out whether a network can be started on a chain, by questions alone: nothing on it is changed, and one that is
 * no development chain is asked two things.
 * @throws CHAIN_UNREACHABLE, CHAIN_NOT_DEVELOPMENT, CHAIN_FORKED, and what `probeChain` throws
 */
export async function readDevelopmentChain(url: string, client: PublicClient): Promise<DevelopmentChain> {
  const request = rpcOf(client);
  const id = await readId(url, client);
  const { clientVersion, forkedNetwork } = await readMetadata(url, id, request);
  if (forkedNetwork) {
    throw new MemoError(
      "CHAIN_FORKED",
      `The chain at ${url} carries the state of another one: start one that is empty, as plain \`anvil\` does.`,
      { details: { url } },
    );
  }
  await probeChain(client);
  return { id, version: clientVersion, mining: await readMining(request) };
}

async function readId(url: string, client: PublicClient): Promise<number> {
  try {
    return await client.getChainId();
  } catch (cause) {
    throw new MemoError(
      "CHAIN_UNREACHABLE",
      `No chain answers at ${url} (${describeRpcError(cause)}): start one there, or give another --rpc.`,
      { details: { url }, cause, retryable: true },
    );
  }
}

/** A question that Hardhat and anvil both know, and no public chain does. */
async function readMetadata(url: string, id: number, request: RpcRequest) {
  try {
    return (await request("hardhat_metadata")) as { clientVersion: string; forkedNetwork?: unknown };
  } catch (cause) {
    if (isUnanswered(cause)) throw cause;
    throw new MemoError(
      "CHAIN_NOT_DEVELOPMENT",
      `The chain ${id} at ${url} is no development chain (${describeRpcError(cause)}). A network is only started where ` +
        "time can be set and coin is worth nothing: on anvil or a Hardhat node.",
      { details: { url, id }, cause },
    );
  }
}

async function readMining(request: RpcRequest): Promise<Mining> {
  const auto = (await request("hardhat_getAutomine")) as boolean;
  const interval = (await request("anvil_getIntervalMining").catch(() => null)) as number | null;
  return { auto, ...(interval === null ? {} : { interval }) };
}
