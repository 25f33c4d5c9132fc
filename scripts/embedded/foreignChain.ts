import { createPublicClient, type Hex, http, numberToHex } from "viem";
import { privateKeyToAddress } from "viem/accounts";
import { MemoError } from "../../protocol/errors.ts";
import { BLOCK_SECONDS } from "./conductor.ts";
import { type Mining, readDevelopmentChain } from "./developmentChain.ts";
import { connectClients, type NetworkChain } from "./networkChain.ts";
import { type RpcRequest, rpcOf } from "./rpc.ts";

/** Native wei that each account is given. */
const BALANCE = 10n ** 22n;

/**
 * Takes a running development chain for a network: gives the accounts of `keys` native coin and ends its mining by
 * itself, so that the conductor alone says when. `stop` lets it mine again as before; it is never ended.
 * @throws what `readDevelopmentChain` throws, and CHAIN_NOT_DEVELOPMENT when it does not do as it is told
 */
export async function borrowChain({
  url,
  keys,
}: {
  url: string;
  keys: readonly Hex[];
}): Promise<NetworkChain> {
  const client = createPublicClient({ transport: http(url), cacheTime: 0 });
  const request = rpcOf(client);
  const { id, version, mining } = await readDevelopmentChain(url, client);
  let returned: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    returned ??= letMine(request, mining);
    return returned;
  };
  try {
    await takeOver(url, id, request, keys);
  } catch (error) {
    await stop();
    throw error;
  }
  return { id, version, url, ...connectClients(url, id), stop };
}

/** Stops the chain's own mining, funds the accounts, and sees that a block has the time that was said. */
async function takeOver(url: string, id: number, request: RpcRequest, keys: readonly Hex[]): Promise<void> {
  try {
    await request("evm_setAutomine", [false]);
    await request("evm_setIntervalMining", [0]);
    const balance = numberToHex(BALANCE);
    await Promise.all(keys.map((key) => request("hardhat_setBalance", [privateKeyToAddress(key), balance])));
    const before = await readHead(request);
    await request("evm_setNextBlockTimestamp", [before.timestamp + BLOCK_SECONDS]);
    await request("evm_mine");
    const { number, timestamp } = await readHead(request);
    if (number === before.number + 1 && timestamp === before.timestamp + BLOCK_SECONDS) return;
  } catch (cause) {
    throw disobedient(url, id, cause);
  }
  throw disobedient(url, id);
}

function disobedient(url: string, id: number, cause?: unknown): MemoError {
  return new MemoError(
    "CHAIN_NOT_DEVELOPMENT",
    `The chain ${id} at ${url} lets nobody say when a block is mined and what its time is: use anvil or a Hardhat node.`,
    { details: { url, id }, cause },
  );
}

async function readHead(request: RpcRequest): Promise<{ number: number; timestamp: number }> {
  const block = (await request("eth_getBlockByNumber", ["latest", false])) as Record<
    "number" | "timestamp",
    Hex
  >;
  return { number: Number(block.number), timestamp: Number(block.timestamp) };
}

/** Has the chain mine by itself as it did; one that has gone meanwhile needs nothing. */
async function letMine(request: RpcRequest, { auto, interval = 0 }: Mining): Promise<void> {
  try {
    if (interval > 0) await request("evm_setIntervalMining", [interval]);
    else if (auto) await request("evm_setAutomine", [true]);
  } catch {
    // Nobody is there any more to be told.
  }
}
