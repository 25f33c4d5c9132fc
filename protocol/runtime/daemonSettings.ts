import { z } from "zod";
import type { SettingValues } from "./settings.ts";
import {
  addressSetting,
  amountSetting,
  hex32Setting,
  integerSetting,
  logLevelSetting,
  pathSetting,
  portSetting,
  urlSetting,
} from "./settingTypes.ts";

/** In what the settings of one kind of daemon differ from those of another. */
export type DaemonKind = {
  /** `keeper`, `provider`: how it is called, and in capitals the start of its environment variables. */
  readonly name: string;
  /** What the data directory holds. */
  readonly data: string;
  /** What the operator's key is for. */
  readonly operatorKey: string;
  /** Who is served by the peer-to-peer side. */
  readonly peers: string;
  /** TCP ports of the peer-to-peer and the HTTP side. */
  readonly peerPort: number;
  readonly httpPort: number;
  /** Paths of the HTTP side. */
  readonly httpPaths: string;
  /** Token wei. */
  readonly stake: bigint;
};

/** The settings that every daemon has, in the order in which they are shown; its own ones go between. */
export function daemonSettings(kind: DaemonKind) {
  const { name } = kind;
  const prefix = name.toUpperCase();
  const multiaddr = (host: string) =>
    z.string().startsWith("/", `expected a multiaddr such as ${host}/tcp/${kind.peerPort}`);
  return {
    dataDir: {
      env: `${prefix}_DATA_DIR`,
      flag: "--data-dir",
      description: `directory of ${kind.data}`,
      default: `memo-${name}-data`,
      schema: pathSetting,
    },
    deployment: {
      env: `${prefix}_DEPLOYMENT`,
      flag: "--deployment",
      description: "deployment file with the addresses of the contracts",
      default: "deployments.json",
      schema: pathSetting,
    },
    group: {
      env: `${prefix}_GROUP`,
      flag: "--group",
      description: "ChallengeSettlement of the group, when the deployment has several",
      schema: addressSetting.optional(),
    },
    rpcUrl: {
      env: `${prefix}_RPC_URL`,
      flag: "--rpc-url",
      description: "JSON-RPC address of a chain node",
      default: "http://127.0.0.1:8545",
      schema: urlSetting,
    },
    pollMs: {
      env: `${prefix}_POLL_MS`,
      flag: "--poll-ms",
      description: "milliseconds between questions for new blocks",
      default: "1000",
      schema: integerSetting(10, 600_000),
    },
    operatorKeyFile: {
      env: `${prefix}_OPERATOR_KEY_FILE`,
      flag: "--operator-key-file",
      description: `file with the key that ${kind.operatorKey} (mode 600)`,
      schema: pathSetting.optional(),
    },
    ownerKeyFile: {
      env: `${prefix}_OWNER_KEY_FILE`,
      flag: "--owner-key-file",
      description: "file with the key that owns the stake; only `register` reads it (mode 600)",
      schema: pathSetting.optional(),
    },
    peerSeed: {
      env: `${prefix}_PEER_SEED`,
      flag: "--peer-seed",
      description: "32 bytes that the peer key is made from; by default a file in the data directory",
      schema: hex32Setting.optional(),
      secret: true,
    },
    listen: {
      env: `${prefix}_LISTEN`,
      flag: "--listen",
      description: `multiaddr on which ${kind.peers} are served`,
      default: `/ip4/127.0.0.1/tcp/${kind.peerPort}`,
      schema: multiaddr("/ip4/127.0.0.1"),
    },
    announce: {
      env: `${prefix}_ANNOUNCE`,
      flag: "--announce",
      description: `multiaddr under which others reach this ${name}, when it is not the one listened on`,
      schema: multiaddr("/dns4/node.example").optional(),
    },
    httpHost: {
      env: `${prefix}_HTTP_HOST`,
      flag: "--http-host",
      description: `address of ${kind.httpPaths}`,
      default: "127.0.0.1",
      schema: z.string().min(1, "expected a host"),
    },
    httpPort: {
      env: `${prefix}_HTTP_PORT`,
      flag: "--http-port",
      description: `port of ${kind.httpPaths}; 0 picks a free one`,
      default: `${kind.httpPort}`,
      schema: portSetting,
    },
    stake: {
      env: `${prefix}_STAKE`,
      flag: "--stake",
      description: "`register`: stake in token wei",
      default: `${kind.stake}`,
      schema: amountSetting,
    },
    logLevel: {
      env: `${prefix}_LOG_LEVEL`,
      flag: "--log-level",
      description: "least level that is logged",
      default: "info",
      schema: logLevelSetting,
    },
  } as const;
}

/** The values that every daemon has. */
export type DaemonSettings = SettingValues<ReturnType<typeof daemonSettings>>;
