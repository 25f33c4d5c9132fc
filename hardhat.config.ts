import { createRequire } from "node:module";
import hardhatToolboxViem from "@nomicfoundation/hardhat-toolbox-viem";
import { configVariable, defineConfig } from "hardhat/config";
import type { HttpNetworkUserConfig } from "hardhat/types/config";
import { branchCoverage } from "./scripts/coverage/plugin.ts";

const require = createRequire(import.meta.url);

/**
 * While iterating: a third of the compiler's time, code of any size, other gas. What is deployed, measured and tested
 * is compiled through the IR.
 */
const isQuickBuild = process.env.MEMO_QUICK_BUILD === "1";

/** Code that reports what of it ran: larger, dearer, and kept apart from what is deployed. `npm run coverage` sets it. */
const isCoverage = process.env.MEMO_COVERAGE === "1";
/** Gas of a block in which reporting code is deployed. */
const COVERAGE_GAS = 1_000_000_000n;
/** Whether code may be larger than chains take, and transactions than EIP-7825 lets them be. */
const isUnlimited = isQuickBuild || isCoverage;

/** What fuzz tests draw from: the same on every machine, unless somebody looks for more. */
const FUZZ_SEED = process.env.MEMO_FUZZ_SEED ?? "0x6d656d6f";

/** 2^96 − 1 wei would do for any account; this is enough for tests and reads well in a wallet. */
const ACCOUNT_BALANCE = 10_000n * 10n ** 18n;

/** Address of a node and key of the deployer come from the environment or Hardhat's keystore, never from a file here. */
function testnet(
  prefix: string,
  { chainId, chainType }: { chainId: number; chainType: "l1" | "op" | "generic" },
): HttpNetworkUserConfig {
  return {
    type: "http",
    chainId,
    chainType,
    url: configVariable(`${prefix}_RPC_URL`),
    accounts: [configVariable(`${prefix}_PRIVATE_KEY`)],
  };
}

export default defineConfig({
  plugins: isCoverage ? [hardhatToolboxViem, branchCoverage] : [hardhatToolboxViem],
  coverage: { skipFiles: ["contracts/mocks/**"] },
  paths: {
    ...(isCoverage ? { artifacts: "./coverage/artifacts", cache: "./coverage/cache" } : {}),
    ...(isQuickBuild ? { artifacts: "./cache/quick/artifacts", cache: "./cache/quick/cache" } : {}),
    sources: "./contracts",
    tests: { solidity: "./test/contracts", nodejs: "./test/contracts" },
  },
  solidity: {
    profiles: {
      default: {
        version: "0.8.37",
        // The compiler of the npm package: nothing is downloaded beside the lock file.
        path: require.resolve("solc/soljson.js"),
        settings: {
          evmVersion: "osaka",
          // More runs make code that exceeds 24,576 bytes, and saves less than a hundredth of the gas.
          optimizer: { enabled: true, runs: 400 },
          viaIR: !isUnlimited,
          metadata: { bytecodeHash: "none" },
        },
      },
    },
  },
  networks: {
    default: {
      type: "edr-simulated",
      chainType: "l1",
      chainId: 31337,
      hardfork: "osaka",
      allowBlocksWithSameTimestamp: true,
      allowUnlimitedContractSize: isUnlimited,
      ...(isCoverage ? { blockGasLimit: COVERAGE_GAS, transactionGasCap: false as const } : {}),
      accounts: { count: 64, accountsBalance: ACCOUNT_BALANCE },
    },
    /** The chain of `npm start`: a conductor sets the time and mines, nothing happens by itself. */
    embedded: {
      type: "edr-simulated",
      chainType: "l1",
      chainId: 31337,
      hardfork: "osaka",
      allowBlocksWithSameTimestamp: true,
      accounts: { count: 64, accountsBalance: ACCOUNT_BALANCE },
      mining: { auto: false, interval: 0 },
    },
    /** Any JSON-RPC chain of one's own: `anvil`, `hardhat node`, a devnet. The node signs. */
    localhost: { type: "http", chainType: "l1", url: "http://127.0.0.1:8545", accounts: "remote" },
    sepolia: testnet("SEPOLIA", { chainId: 11_155_111, chainType: "l1" }),
    hoodi: testnet("HOODI", { chainId: 560_048, chainType: "l1" }),
    baseSepolia: testnet("BASE_SEPOLIA", { chainId: 84_532, chainType: "op" }),
    metisSepolia: testnet("METIS_SEPOLIA", { chainId: 59_902, chainType: "generic" }),
  },
  chainDescriptors: {
    // Hardhat knows the explorers of the others.
    59902: {
      name: "Metis Sepolia",
      chainType: "generic",
      blockExplorers: {
        blockscout: {
          url: "https://sepolia-explorer.metisdevops.link",
          apiUrl: "https://sepolia-explorer.metisdevops.link/api",
        },
      },
    },
  },
  verify: { etherscan: { apiKey: configVariable("ETHERSCAN_API_KEY") } },
  test: {
    solidity: {
      profiles: {
        default: {
          fsPermissions: { readDirectory: ["./test/vectors"] },
          fuzz: { runs: 128, seed: FUZZ_SEED },
          invariant: { runs: 16, depth: 60, failOnRevert: true },
        },
        /** `npm run test:long`, with another seed each time. */
        long: {
          fsPermissions: { readDirectory: ["./test/vectors"] },
          fuzz: { runs: 2000, seed: FUZZ_SEED },
          invariant: { runs: 64, depth: 200, failOnRevert: true },
        },
      },
    },
  },
});
