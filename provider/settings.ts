import { z } from "zod";
import { SHARD_BYTES } from "../protocol/constants.ts";
import { defineSettings, type SettingValues } from "../protocol/runtime/settings.ts";
import {
  booleanSetting,
  bytesSetting,
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
const domainText = z
  .string()
  .refine(
    (text) => new TextEncoder().encode(text).length <= 32,
    "expected a name of at most 32 bytes, or 32 bytes as hex",
  );

/** Everything that can be set of a provider. */
export const providerSettings = defineSettings({
  dataDir: {
    env: "PROVIDER_DATA_DIR",
    flag: "--data-dir",
    description: "directory of shards and metadata",
    default: "memo-provider-data",
    schema: pathSetting,
  },
  deployment: {
    env: "PROVIDER_DEPLOYMENT",
    flag: "--deployment",
    description: "deployment file with the addresses of the contracts",
    default: "deployment.json",
    schema: pathSetting,
  },
  group: {
    env: "PROVIDER_GROUP",
    flag: "--group",
    description: "ChallengeSettlement of the group, when the deployment has several",
    schema: addressText.optional(),
  },
  rpcUrl: {
    env: "PROVIDER_RPC_URL",
    flag: "--rpc-url",
    description: "JSON-RPC address of a chain node",
    default: "http://127.0.0.1:8545",
    schema: urlSetting,
  },
  pollMs: {
    env: "PROVIDER_POLL_MS",
    flag: "--poll-ms",
    description: "milliseconds between questions for new blocks",
    default: "1000",
    schema: integerSetting(10, 600_000),
  },
  operatorKeyFile: {
    env: "PROVIDER_OPERATOR_KEY_FILE",
    flag: "--operator-key-file",
    description: "file with the key that signs orders and proofs (mode 600)",
    schema: pathSetting.optional(),
  },
  ownerKeyFile: {
    env: "PROVIDER_OWNER_KEY_FILE",
    flag: "--owner-key-file",
    description: "file with the key that owns the stake; only `register` reads it (mode 600)",
    schema: pathSetting.optional(),
  },
  peerSeed: {
    env: "PROVIDER_PEER_SEED",
    flag: "--peer-seed",
    description: "32 bytes that the peer key is made from; by default a file in the data directory",
    schema: hex32.optional(),
    secret: true,
  },
  listen: {
    env: "PROVIDER_LISTEN",
    flag: "--listen",
    description: "multiaddr on which users and keepers are served",
    default: "/ip4/127.0.0.1/tcp/4701",
    schema: z.string().startsWith("/", "expected a multiaddr such as /ip4/127.0.0.1/tcp/4701"),
  },
  announce: {
    env: "PROVIDER_ANNOUNCE",
    flag: "--announce",
    description: "multiaddr under which others reach this provider, when it is not the one listened on",
    schema: z.string().startsWith("/", "expected a multiaddr such as /dns4/node.example/tcp/4701").optional(),
  },
  httpHost: {
    env: "PROVIDER_HTTP_HOST",
    flag: "--http-host",
    description: "address of /health, /ready, /status and /metrics",
    default: "127.0.0.1",
    schema: z.string().min(1, "expected a host"),
  },
  httpPort: {
    env: "PROVIDER_HTTP_PORT",
    flag: "--http-port",
    description: "port of /health, /ready, /status and /metrics; 0 picks a free one",
    default: "4711",
    schema: portSetting,
  },
  capacity: {
    env: "PROVIDER_CAPACITY",
    flag: "--capacity",
    description: "bytes of shards that are taken at most, reserved ones included",
    default: "64 GiB",
    schema: bytesSetting,
  },
  peerReserved: {
    env: "PROVIDER_PEER_RESERVED",
    flag: "--peer-reserved",
    description: "bytes that one peer may have reserved in orders that are not open",
    default: "16 GiB",
    schema: bytesSetting,
  },
  reservationSeconds: {
    env: "PROVIDER_RESERVATION_SECONDS",
    flag: "--reservation-seconds",
    description: "seconds of chain time for which room is reserved at most",
    default: "86400",
    schema: integerSetting(1, 31_536_000),
  },
  orderStripes: {
    env: "PROVIDER_ORDER_STRIPES",
    flag: "--order-stripes",
    description: "stripes that one order may have at most",
    default: "65536",
    schema: integerSetting(1, 1_048_576),
  },
  readRate: {
    env: "PROVIDER_READ_RATE",
    flag: "--read-rate",
    description: "bytes per second that one peer, or one owner, may read in the long run",
    default: "64 MiB",
    schema: bytesSetting,
  },
  readBurst: {
    env: "PROVIDER_READ_BURST",
    flag: "--read-burst",
    description: "bytes that one peer, or one owner, may read at once after a pause",
    default: "256 MiB",
    // Less would never let a single shard through.
    schema: bytesSetting.refine((bytes) => bytes >= SHARD_BYTES, `expected at least ${SHARD_BYTES} bytes`),
  },
  ask: {
    env: "PROVIDER_ASK",
    flag: "--ask",
    description: "`register`: least price, token wei per 2^32 shard-epochs",
    default: "4000000000000000000",
    schema: amount,
  },
  stake: {
    env: "PROVIDER_STAKE",
    flag: "--stake",
    description: "`register`: stake in token wei",
    default: "1000000000000000000000",
    schema: amount,
  },
  domain: {
    env: "PROVIDER_DOMAIN",
    flag: "--domain",
    description: "`register`: failure domain, a name that providers which fail together share",
    default: "default",
    schema: domainText,
  },
  repairs: {
    env: "PROVIDER_REPAIRS",
    flag: "--repairs",
    description: "`register`: whether this provider takes repair offers",
    default: "true",
    schema: booleanSetting,
  },
  logLevel: {
    env: "PROVIDER_LOG_LEVEL",
    flag: "--log-level",
    description: "least level that is logged",
    default: "info",
    schema: logLevelSetting,
  },
});

export type ProviderSettings = SettingValues<typeof providerSettings>;
