import { createRequire } from "node:module";
import hardhatToolboxViem from "@nomicfoundation/hardhat-toolbox-viem";
import { configVariable, defineConfig } from "hardhat/config";

const require = createRequire(import.meta.url);

/** The compiler of the npm package: nothing is downloaded beside the lock file. */
function compiler(runs: number) {
  return {
    version: "0.8.37",
    path: require.resolve("solc/soljson.js"),
    settings: {
      evmVersion: "osaka",
      optimizer: { enabled: true, runs },
      metadata: { bytecodeHash: "none" },
    },
  };
}

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
        compilers: [compiler(10_000)],
        // As cheap as these contracts can be within the limit of 24,576 bytes.
        overrides: {
          "contracts/StorageOrders.sol": compiler(500),
          "contracts/ChallengeSettlement.sol": compiler(500),
          "contracts/Disputes.sol": compiler(500),
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
