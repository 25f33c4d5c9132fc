import { daemonSettings } from "../protocol/runtime/daemonSettings.ts";
import { defineSettings, type SettingValues } from "../protocol/runtime/settings.ts";
import { integerSetting } from "../protocol/runtime/settingTypes.ts";

const { stake, logLevel, ...common } = daemonSettings({
  name: "keeper",
  data: "the vote journal, proofs and blocks; one per operator key",
  operatorKey: "signs votes and sends certificates",
  peers: "providers and keepers",
  peerPort: 4801,
  httpPort: 4811,
  httpPaths: "/health, /ready, /status, /metrics and /graphql",
  stake: 5_000n * 10n ** 18n,
});

/** Everything that can be set of a keeper. */
export const keeperSettings = defineSettings({
  ...common,
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
  stake,
  logLevel,
});

export type KeeperSettings = SettingValues<typeof keeperSettings>;
