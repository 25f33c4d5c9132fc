import { createHardhatRuntimeEnvironment } from "hardhat/hre";
import {
  type Account,
  type Chain,
  createPublicClient,
  createTestClient,
  createWalletClient,
  type Hex,
  http,
  type PublicClient,
  type Transport,
  type WalletClient,
} from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { hardhat } from "viem/chains";

/** Hardhat's own chain, mined by hand, behind a real HTTP server. */
export async function startLocalChain() {
  const hre = await createHardhatRuntimeEnvironment({
    networks: {
      local: {
        type: "edr-simulated",
        chainType: "l1",
        chainId: 31337,
        allowBlocksWithSameTimestamp: true,
        mining: { auto: false, interval: 0 },
        loggingEnabled: false,
        allowUnlimitedContractSize: process.env.MEMO_QUICK_BUILD === "1",
      },
    },
  });
  const server = await hre.network.createServer("local", "127.0.0.1", 0);
  const { address, port } = await server.listen();
  const transport = http(`http://${address}:${port}`);
  const publicClient: PublicClient = createPublicClient({ chain: hardhat, transport });
  const test = createTestClient({ chain: hardhat, mode: "hardhat", transport });
  return {
    url: `http://${address}:${port}`,
    publicClient,
    test,
    walletOf(index: number): WalletClient<Transport, Chain, Account> {
      const account = mnemonicToAccount("test test test test test test test test test test test junk", {
        addressIndex: index,
      });
      return createWalletClient({ account, chain: hardhat, transport });
    },
    /** One by one: several at once are reserved blocks, whose parent hashes do not link. */
    async mine(blocks = 1) {
      for (let mined = 0; mined < blocks; mined++) await test.mine({ blocks: 1 });
    },
    /** Deploys code that needs no constructor arguments. */
    async deploy(bytecode: Hex) {
      const [account] = await createWalletClient({ chain: hardhat, transport }).getAddresses();
      const wallet = createWalletClient({ account: account!, chain: hardhat, transport });
      const hash = await wallet.sendTransaction({ data: bytecode });
      await test.mine({ blocks: 1 });
      const receipt = await publicClient.getTransactionReceipt({ hash });
      return receipt.contractAddress!;
    },
    stop: () => server.close(),
  };
}

/**
 * A contract that emits what it is sent: LOG2 with the first two words of the calldata as topics and the
 * rest as data.
 */
export const EMITTER_CODE: Hex = ("0x60128060095f395ff360403603806040" + "5f375f35602035915fa200") as Hex;

/** A contract that reverts with its calldata. */
export const REVERTER_CODE: Hex = "0x60078060095f395ff3365f5f37365ffd";
