import { createRequire } from "node:module";
import hardhatToolboxViem from "@nomicfoundation/hardhat-toolbox-viem";
import { configVariable, defineConfig } from "hardhat/config";

const require = createRequire(import.meta.url);

/**
 * While iterating: a third of the compiler's time, code of any size, other gas. What is deployed, measured and tested
 * is compiled through the IR.
 */
const isQuickBuild = process.env.MEMO_QUICK_BUILD === "1";

/** 2^96 − 1 wei would do for any account; this is enough for tests and reads well in a wallet. */
const ACCOUNT_BALANCE = 10_000n * 10n ** 18n;

export default defineConfig({
  plugins: [hardhatToolboxViem],
  paths: {
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
          viaIR: !isQuickBuild,
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
      allowUnlimitedContractSize: isQuickBuild,
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
    sepolia: {
      type: "http",
      chainType: "l1",
      url: configVariable("SEPOLIA_RPC_URL"),
      accounts: [configVariable("SEPOLIA_PRIVATE_KEY")],
    },
  },
  test: {
    solidity: {
      fsPermissions: { readDirectory: ["./test/vectors"] },
      fuzz: { runs: 128, seed: "0x6d656d6f" },
      invariant: { runs: 16, depth: 60, failOnRevert: true },
    },
  },
});
