import { z } from "zod";
import { defineSettings, type SettingValues } from "../protocol/runtime/settings.ts";
import {
  integerSetting,
  logLevelSetting,
  pathSetting,
  portSetting,
  urlSetting,
} from "../protocol/runtime/settingTypes.ts";

const amount = z
  .union([z.bigint(), z.string().regex(/^\d+$/, "expected a whole number of token wei")], {
    error: "expected a whole number of token wei",
  })
  .transform((value) => BigInt(value));
const hex32 = z.templateLiteral(["0x", z.string().regex(/^[0-9a-fA-F]{64}$/)], "expected 32 bytes as hex");
const addressText = z.templateLiteral(["0x", z.string().regex(/^[0-9a-fA-F]{40}$/)], "expected an address");

/** Everything that can be set of a keeper. */
export const keeperSettings = defineSettings({
  dataDir: {
    env: "KEEPER_DATA_DIR",
    flag: "--data-dir",
    description: "directory of the vote journal, proofs and blocks; one per operator key",
    default: "memo-keeper-data",
    schema: pathSetting,
  },
  deployment: {
    env: "KEEPER_DEPLOYMENT",
    flag: "--deployment",
    description: "deployment file with the addresses of the contracts",
    default: "deployment.json",
    schema: pathSetting,
  },
  group: {
    env: "KEEPER_GROUP",
    flag: "--group",
    description: "ChallengeSettlement of the group, when the deployment has several",
    schema: addressText.optional(),
  },
  rpcUrl: {
    env: "KEEPER_RPC_URL",
    flag: "--rpc-url",
    description: "JSON-RPC address of a chain node",
    default: "http://127.0.0.1:8545",
    schema: urlSetting,
  },
  pollMs: {
    env: "KEEPER_POLL_MS",
    flag: "--poll-ms",
    description: "milliseconds between questions for new blocks",
    default: "1000",
    schema: integerSetting(10, 600_000),
  },
  operatorKeyFile: {
    env: "KEEPER_OPERATOR_KEY_FILE",
    flag: "--operator-key-file",
    description: "file with the key that signs votes and sends certificates (mode 600)",
    schema: pathSetting.optional(),
  },
  ownerKeyFile: {
    env: "KEEPER_OWNER_KEY_FILE",
    flag: "--owner-key-file",
    description: "file with the key that owns the stake; only `register` reads it (mode 600)",
    schema: pathSetting.optional(),
  },
  peerSeed: {
    env: "KEEPER_PEER_SEED",
    flag: "--peer-seed",
    description: "32 bytes that the peer key is made from; by default a file in the data directory",
    schema: hex32.optional(),
    secret: true,
  },
  listen: {
    env: "KEEPER_LISTEN",
    flag: "--listen",
    description: "multiaddr on which providers and keepers are served",
    default: "/ip4/127.0.0.1/tcp/4801",
    schema: z.string().startsWith("/", "expected a multiaddr such as /ip4/127.0.0.1/tcp/4801"),
  },
  announce: {
    env: "KEEPER_ANNOUNCE",
    flag: "--announce",
    description: "multiaddr under which others reach this keeper, when it is not the one listened on",
    schema: z.string().startsWith("/", "expected a multiaddr such as /dns4/node.example/tcp/4801").optional(),
  },
  httpHost: {
    env: "KEEPER_HTTP_HOST",
    flag: "--http-host",
    description: "address of /health, /ready, /status, /metrics and /graphql",
    default: "127.0.0.1",
    schema: z.string().min(1, "expected a host"),
  },
  httpPort: {
    env: "KEEPER_HTTP_PORT",
    flag: "--http-port",
    description: "port of /health, /ready, /status, /metrics and /graphql; 0 picks a free one",
    default: "4811",
    schema: portSetting,
  },
  roundMs: {
    env: "KEEPER_ROUND_MS",
    flag: "--round-ms",
    description: "milliseconds until the first round of a vote is given up; doubles with each round",
    default: "4000",
    schema: integerSetting(100, 600_000),
  },
  collectMs: {
    env: "KEEPER_COLLECT_MS",
    flag: "--collect-ms",
    description: "milliseconds that a leader waits for inventories beyond a quorum",
    default: "1000",
    schema: integerSetting(10, 60_000),
  },
  standbyBlocks: {
    env: "KEEPER_STANDBY_BLOCKS",
    flag: "--standby-blocks",
    description: "blocks after which the next keeper in the order submits",
    default: "2",
    schema: integerSetting(1, 1_000),
  },
  stake: {
    env: "KEEPER_STAKE",
    flag: "--stake",
    description: "`register`: stake in token wei",
    default: "5000000000000000000000",
    schema: amount,
  },
  logLevel: {
    env: "KEEPER_LOG_LEVEL",
    flag: "--log-level",
    description: "least level that is logged",
    default: "info",
    schema: logLevelSetting,
  },
});

export type KeeperSettings = SettingValues<typeof keeperSettings>;
