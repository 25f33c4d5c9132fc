import { resolve } from "node:path";
import { Command, CommanderError, Option } from "commander";
import { MemoError } from "../../protocol/errors.ts";

/** Networks that `npm run deploy` knows; their facts are in hardhat.config.ts, their parameters in ignition/parameters. */
export const NETWORKS = ["localhost", "sepolia", "hoodi", "baseSepolia", "metisSepolia"] as const;
export const EXPLORERS = ["etherscan", "blockscout", "sourcify"] as const;
export type NetworkName = (typeof NETWORKS)[number];
export type Explorer = (typeof EXPLORERS)[number];

/** What `npm run deploy` was asked to do, checked. */
export type DeployOptions = {
  readonly network: NetworkName;
  /** Name of the group; another name is another group on the same factory. */
  readonly group: string;
  /** Absolute path. */
  readonly parameters: string;
  /** Folder of the journal under ignition/deployments; one per chain id without it. */
  readonly deploymentId?: string;
  /** Absolute path of the deployment file. */
  readonly out: string;
  /** JSON-RPC instead of the network's. */
  readonly rpcUrl?: string;
  readonly dryRun: boolean;
  readonly yes: boolean;
  /** Forget the journal and what the deployment file says of this chain. */
  readonly reset: boolean;
  readonly verify: readonly Explorer[];
  /** APIs of explorers of one's own. */
  readonly explorerUrls: Partial<Record<Explorer, string>>;
};

const ROOT = resolve(import.meta.dirname, "../..");
/** Part of a module's id, which Ignition wants to be an identifier. */
const NAME = /^[A-Za-z][A-Za-z0-9_]{0,31}$/;

function invalid(flag: string, text: string): MemoError {
  return new MemoError("FLAG_INVALID", `${flag}: ${text}`, { details: { flag } });
}

const network = (value: string): NetworkName => {
  const known = NETWORKS.find((name) => name === value);
  if (known !== undefined) return known;
  throw invalid(
    "--network",
    `there is no network ${JSON.stringify(value)}: choose one of ${NETWORKS.join(", ")}.`,
  );
};

const identifier = (flag: string) => (value: string) => {
  if (NAME.test(value)) return value;
  throw invalid(flag, `${JSON.stringify(value)} is no name: a letter, then up to 31 letters, digits or _.`);
};

const folder = (value: string): string => {
  if (/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(value)) return value;
  throw invalid("--deployment-id", `${JSON.stringify(value)} is no name: letters, digits, _ and -.`);
};

const url = (flag: string) => (value: string) => {
  if (/^https?:\/\/./.test(value) && URL.canParse(value)) return value;
  throw invalid(flag, `${JSON.stringify(value)} is no URL of the form https://host/path.`);
};

const explorers = (value: string): readonly Explorer[] =>
  value.split(",").map((name) => {
    const known = EXPLORERS.find((explorer) => explorer === name);
    if (known !== undefined) return known;
    throw invalid(
      "--verify",
      `there is no explorer ${JSON.stringify(name)}: choose of ${EXPLORERS.join(", ")}.`,
    );
  });

function command(): Command {
  return new Command("npm run deploy --")
    .description(
      "Deploys token, factory and a group, after it has shown what that is, where and what it costs.",
    )
    .addOption(new Option("--network <name>", NETWORKS.join(", ")).argParser(network).makeOptionMandatory())
    .option(
      "--group <name>",
      "another name is another group on the same factory",
      identifier("--group"),
      "main",
    )
    .option("--parameters <file>", "JSON5 (default: ignition/parameters/<network>.json5)")
    .option("--out <file>", "deployment file, to which this chain and group are added", "deployments.json")
    .option(
      "--deployment-id <id>",
      "folder of the journal under ignition/deployments (default: chain-<id>)",
      folder,
    )
    .option("--rpc-url <url>", "JSON-RPC instead of the network's", url("--rpc-url"))
    .option("--dry-run", "check, estimate, print, and end", false)
    .option("--yes", "do not ask", false)
    .option("--reset", "forget what is known of this chain and begin anew", false)
    .addOption(
      new Option("--verify [explorers]", `show the sources on ${EXPLORERS.join(",")} (some or all of them)`)
        .argParser(explorers)
        .preset(EXPLORERS.join(",")),
    )
    .option("--etherscan-url <url>", "API of an explorer of your own", url("--etherscan-url"))
    .option("--blockscout-url <url>", "API of an explorer of your own", url("--blockscout-url"))
    .option("--sourcify-url <url>", "API of a server of your own", url("--sourcify-url"))
    .allowExcessArguments(false)
    .exitOverride();
}

type Flags = Omit<DeployOptions, "verify" | "explorerUrls" | "parameters"> & {
  readonly parameters?: string;
  readonly verify?: readonly Explorer[];
} & Partial<Record<`${Explorer}Url`, string>>;

/**
 * Reads the command line of `npm run deploy`, or undefined when help was asked for and shown.
 * @throws FLAG_INVALID
 */
export function parseDeployOptions(argv: readonly string[]): DeployOptions | undefined {
  const parser = command().configureOutput({ writeErr: () => undefined });
  try {
    parser.parse(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    throw new MemoError("FLAG_INVALID", `${error.message.replace(/^error: /, "")}. See --help.`);
  }
  const { parameters, verify, etherscanUrl, blockscoutUrl, sourcifyUrl, ...rest } = parser.opts<Flags>();
  return {
    ...rest,
    parameters:
      parameters === undefined
        ? resolve(ROOT, "ignition/parameters", `${rest.network}.json5`)
        : resolve(parameters),
    out: resolve(rest.out),
    verify: verify ?? [],
    explorerUrls: {
      ...(etherscanUrl === undefined ? {} : { etherscan: etherscanUrl }),
      ...(blockscoutUrl === undefined ? {} : { blockscout: blockscoutUrl }),
      ...(sourcifyUrl === undefined ? {} : { sourcify: sourcifyUrl }),
    },
  };
}
