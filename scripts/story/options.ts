import { accessSync, constants, statSync } from "node:fs";
import { resolve } from "node:path";
import { Command, CommanderError, Option } from "commander";
import { MAX_KEEPERS, MIN_KEEPERS } from "../../protocol/constants.ts";
import { MemoError } from "../../protocol/errors.ts";
import { type Policy, parsePolicy } from "../../protocol/object/policy.ts";

/** Stored when no file is named: the Solidity compiler, nine megabytes that the dependencies hold. */
const DEFAULT_FILE = "node_modules/solc/soljson.js";
const DEFAULT_POLICY = "rs(6,3)";
/** More would fit no small machine: each is a libp2p host with its own databases. */
const MAX_PROVIDERS = 64;

/** What `npm start` was asked to do, checked. */
export interface StartOptions {
  /** Absolute path of a readable regular file. */
  file: string;
  /** End after the story instead of staying up. */
  once: boolean;
  /** One JSON object as last line of stdout, everything else on stderr. */
  json: boolean;
  providers: number;
  keepers: number;
  policy: Policy;
  /** Absolute path. */
  data: string;
  /** First port of the network: the index; the chain has the next one. 0 picks free ones. */
  port: number;
  /** JSON-RPC of a development chain that runs already, instead of Hardhat's. */
  rpc?: string;
}

function invalid(flag: string, text: string): MemoError {
  return new MemoError("FLAG_INVALID", `${flag}: ${text}`, { details: { flag } });
}

function integer(flag: string, min: number, max: number) {
  return (value: string): number => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < min || number > max) {
      throw invalid(flag, `${JSON.stringify(value)} is not a whole number from ${min} to ${max}.`);
    }
    return number;
  };
}

function httpUrl(flag: string) {
  return (value: string): string => {
    if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value;
    throw invalid(flag, `${JSON.stringify(value)} is no URL of a chain: write http://127.0.0.1:8545.`);
  };
}

function command(): Command {
  return new Command("npm start --")
    .description("Boots an embedded network, stores a file in it, proves it and reads it back.")
    .option("--file <path>", "file to store", DEFAULT_FILE)
    .option("--once", "exit after the story instead of staying up", false)
    .option("--json", "one JSON object as last line of stdout, all else on stderr", false)
    .option("--providers <n>", "providers of the network", integer("--providers", 1, MAX_PROVIDERS), 12)
    .option("--keepers <n>", "keepers of the network", integer("--keepers", MIN_KEEPERS, MAX_KEEPERS), 4)
    .addOption(
      new Option("--policy <policy>", "rs(k,m) or copies(n)")
        .argParser(parsePolicy)
        .default(parsePolicy(DEFAULT_POLICY), DEFAULT_POLICY),
    )
    .option("--data <dir>", "where the network keeps its data; begins empty each time", ".memo")
    .option(
      "--port <n>",
      "port of the index; the chain has the next (0: any free)",
      integer("--port", 0, 65_500),
      42_069,
    )
    .option("--rpc <url>", "development chain that runs already (anvil, a Hardhat node)", httpUrl("--rpc"))
    .allowExcessArguments(false)
    .exitOverride();
}

/** @throws FILE_NOT_FOUND, FILE_IS_DIRECTORY, FILE_NOT_REGULAR, FILE_UNREADABLE */
export function checkFile(path: string): string {
  const absolute = resolve(path);
  const details = { path: absolute };
  const stats = statSync(absolute, { throwIfNoEntry: false });
  if (stats === undefined) {
    throw new MemoError("FILE_NOT_FOUND", `There is no file ${path}: give the path of one with --file.`, {
      details,
    });
  }
  if (stats.isDirectory()) {
    throw new MemoError("FILE_IS_DIRECTORY", `${path} is a directory: give the path of one file.`, {
      details,
    });
  }
  if (!stats.isFile()) {
    throw new MemoError("FILE_NOT_REGULAR", `${path} is no regular file: give the path of one.`, { details });
  }
  try {
    accessSync(absolute, constants.R_OK);
  } catch (cause) {
    throw new MemoError("FILE_UNREADABLE", `${path} may not be read: check its permissions.`, {
      details,
      cause,
    });
  }
  return absolute;
}

/**
 * Reads the command line of `npm start`, or undefined when help was asked for and shown.
 * @throws FLAG_INVALID, POLICY_INVALID, POLICY_NEEDS_MORE_PROVIDERS, FILE_*
 */
export function parseStartOptions(argv: readonly string[]): StartOptions | undefined {
  const parser = command().configureOutput({ writeErr: () => undefined });
  try {
    parser.parse(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    throw new MemoError("FLAG_INVALID", error.message.replace(/^error: /, ""));
  }
  const options = parser.opts<Omit<StartOptions, "data"> & { data: string }>();
  if (options.policy.n > options.providers) {
    throw new MemoError(
      "POLICY_NEEDS_MORE_PROVIDERS",
      `The policy needs ${options.policy.n} providers, the network has ${options.providers}: ` +
        "choose a smaller policy or more --providers.",
      { details: { needed: options.policy.n, providers: options.providers } },
    );
  }
  return { ...options, file: checkFile(options.file), data: resolve(options.data) };
}
