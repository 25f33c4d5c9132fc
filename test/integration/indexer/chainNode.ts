import { createHardhatRuntimeEnvironment } from "hardhat/hre";
import type { Address, Hex, PublicClient, TestClient, WalletClient } from "viem";
import { createPublicClient, createTestClient, createWalletClient, http } from "viem";
import { hardhat } from "viem/chains";

/** A Hardhat chain behind a real JSON-RPC socket, mined block by block by the test. */
export type ChainNode = {
  readonly rpcUrl: string;
  readonly accounts: readonly Address[];
  readonly publicClient: PublicClient;
  readonly testClient: TestClient;
  readonly walletClient: WalletClient;
  /** Number of the newest block. */
  head(): Promise<number>;
  /** Sends a call from an account, mines one block (unless told not to) and returns the hash. */
  send(request: { to: Address; data: Hex; from?: Address; value?: bigint; mine?: boolean }): Promise<Hex>;
  deploy(bytecode: Hex, from?: Address): Promise<Address>;
  mine(blocks?: number): Promise<void>;
  /** Mines one block with this time, Unix seconds. */
  mineAt(timestamp: bigint): Promise<void>;
  stop(): Promise<void>;
};

/**
 * Starts a fresh chain (id 31337) on a free loopback port.
 *
 * @param options.steady a block comes one second after the one before it, so that a slow machine misses no deadline;
 *   otherwise blocks have the time of the wall clock.
 */
export async function startChainNode(options: { readonly steady?: boolean } = {}): Promise<ChainNode> {
  const runtime = await createHardhatRuntimeEnvironment({
    networks: { chain: { type: "edr-simulated", chainId: 31337, mining: { auto: false, interval: 0 } } },
  });
  const server = await runtime.network.createServer("chain", "127.0.0.1", 0);
  const { port } = await server.listen();
  const rpcUrl = `http://127.0.0.1:${port}`;
  const transport = http(rpcUrl);
  const publicClient = createPublicClient({
    chain: hardhat,
    transport,
    pollingInterval: 20,
    cacheTime: 0,
  }) as PublicClient;
  const testClient = createTestClient({ chain: hardhat, transport, mode: "hardhat" });
  const walletClient = createWalletClient({ chain: hardhat, transport });
  const accounts = await walletClient.getAddresses();

  // One by one: blocks that are mined many at once name no parent until somebody asks for it.
  const mine = async (blocks = 1): Promise<void> => {
    for (let mined = 0; mined < blocks; mined++) {
      if (options.steady) await mineAt((await publicClient.getBlock()).timestamp + 1n);
      else await testClient.mine({ blocks: 1 });
    }
  };
  const mineAt = async (timestamp: bigint): Promise<void> => {
    await testClient.setNextBlockTimestamp({ timestamp });
    await testClient.mine({ blocks: 1 });
  };

  const send: ChainNode["send"] = async (request) => {
    const { to, data, from = accounts[0]!, value = 0n, mine: mineNow = true } = request;
    const hash = await walletClient.sendTransaction({
      account: from,
      ...{ to, data, value },
      chain: hardhat,
      gas: 3_000_000n,
    });
    if (mineNow) await mine();
    return hash;
  };

  return {
    rpcUrl,
    accounts,
    publicClient,
    testClient,
    walletClient,
    head: async () => Number(await publicClient.getBlockNumber()),
    send,
    deploy: async (bytecode, from = accounts[0]!) => {
      const hash = await walletClient.deployContract({ abi: [], bytecode, account: from, chain: hardhat });
      await mine();
      const receipt = await publicClient.getTransactionReceipt({ hash });
      return receipt.contractAddress!;
    },
    ...{ mine, mineAt },
    stop: () => server.close(),
  };
}
