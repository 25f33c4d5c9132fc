import { z } from "zod";
import { SHARD_BYTES } from "../protocol/constants.ts";
import { daemonSettings } from "../protocol/runtime/daemonSettings.ts";
import { defineSettings, type SettingValues } from "../protocol/runtime/settings.ts";
import {
  amountSetting,
  booleanSetting,
  bytesSetting,
  integerSetting,
} from "../protocol/runtime/settingTypes.ts";

const domainText = z
  .string()
  .refine(
    (text) => new TextEncoder().encode(text).length <= 32,
    "expected a name of at most 32 bytes, or 32 bytes as hex",
  );

const { stake, logLevel, ...common } = daemonSettings({
  name: "provider",
  data: "shards and metadata",
  operatorKey: "signs orders and proofs",
  peers: "users and keepers",
  peerPort: 4701,
  httpPort: 4711,
  httpPaths: "/health, /ready, /status and /metrics",
  stake: 1_000n * 10n ** 18n,
});

/** Everything that can be set of a provider. */
export const providerSettings = defineSettings({
  ...common,
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
    schema: amountSetting,
  },
  stake,
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
    description: "whether this provider takes repair offers; `register` also says so on chain",
    default: "true",
    schema: booleanSetting,
  },
  heal: {
    env: "PROVIDER_HEAL",
    flag: "--heal",
    description: "whether own shards that are lost or damaged are rebuilt from other holders",
    default: "true",
    schema: booleanSetting,
  },
  logLevel,
});

export type ProviderSettings = SettingValues<typeof providerSettings>;
