import { readFile } from "node:fs/promises";
import { Command, CommanderError } from "commander";
import { createPublicClient, createWalletClient, http } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { findGroup, readDeployment } from "../protocol/chain/deployment.ts";
import { MemoError } from "../protocol/errors.ts";
import { loadPoints } from "../protocol/kzg/points.ts";
import { peerIdFromSeed } from "../protocol/net/host.ts";
import { readKeyFile } from "../protocol/runtime/keyFile.ts";
import { createLogger } from "../protocol/runtime/logger.ts";
import { loadSettings } from "../protocol/runtime/settings.ts";
import { createShutdown } from "../protocol/runtime/shutdown.ts";
import { startKeeper } from "./keeper.ts";
import { loadPeerSeed } from "./peerSeed.ts";
import { registerKeeper } from "./register.ts";
import { type KeeperSettings, keeperSettings } from "./settings.ts";

const HELP = `
Settings come from flags, then environment (KEEPER_…), then the JSON file of --config, then defaults;
\`config print\` shows them all with their source.

Examples:
  memo-keeper register --deployment deployment.json --operator-key-file op.key --owner-key-file owner.key
  memo-keeper start --deployment deployment.json --operator-key-file op.key --data-dir /srv/memo-keeper
  memo-keeper status

The vote journal in the data directory is what keeps a keeper from signing two different votes: never run
two keepers with one operator key, and never start one with an older copy of its journal.

Exit codes: 0 done, 1 failed (one line on standard error says why and what to do).`;

/** Where the program writes and what it reads besides its arguments. */
export type CliSurroundings = {
  env: Readonly<Record<string, string | undefined>>;
  out(text: string): void;
  err(text: string): void;
};

const processSurroundings: CliSurroundings = {
  env: process.env,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
};

/** Runs the command line; resolves with the exit code. */
export async function runCli(
  argv: readonly string[],
  surroundings: CliSurroundings = processSurroundings,
): Promise<number> {
  const { out, err } = surroundings;
  let code = 0;
  const program = new Command("memo-keeper")
    .description("A keeper: challenges providers, verifies their proofs and votes on every epoch.")
    .addHelpText("after", HELP)
    .exitOverride()
    .configureOutput({ writeOut: out, writeErr: err });
  const config = program.command("config").description("look at the settings").exitOverride();
  const command = (
    parent: Command,
    name: string,
    description: string,
    run: (loaded: Loaded) => Promise<number>,
  ) => {
    const sub = parent.command(name).description(description).exitOverride();
    sub.option("--config <path>", "JSON file with settings by their names");
    for (const { flag, env, description: text } of Object.values(keeperSettings)) {
      sub.option(`${flag} <value>`, `${text} (${env})`);
    }
    sub.action(async (flags: Record<string, unknown>) => {
      code = await run(await load(flags, surroundings.env));
    });
  };
  command(program, "start", "run the keeper until it is told to stop", ({ values }) => start(values));
  command(
    program,
    "register",
    "approve the stake, register in the group and take a seat",
    async ({ values }) => {
      out(`${JSON.stringify(await register(values))}\n`);
      return 0;
    },
  );
  command(
    program,
    "status",
    "print the status of the keeper that runs with these settings",
    async ({ values }) => {
      out(await fetchStatus(values));
      return 0;
    },
  );
  command(config, "print", "print every setting with its source, secrets redacted", async ({ describe }) => {
    for (const { flag, value, source } of describe()) out(`${flag} = ${value} (${source})\n`);
    return 0;
  });
  try {
    await program.parseAsync([...argv], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    err(`${error instanceof MemoError ? `${error.code}: ${error.message}` : String(error)}\n`);
    return 1;
  }
}

type Loaded = Awaited<ReturnType<typeof load>>;

async function load(flags: Record<string, unknown>, env: CliSurroundings["env"]) {
  const { config: path, ...rest } = flags;
  const file = typeof path === "string" ? await readConfig(path) : {};
  return loadSettings({ definitions: keeperSettings, env, envPrefix: "KEEPER_", flags: rest, file });
}

async function readConfig(path: string): Promise<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(await readFile(path, "utf8"));
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return { ...parsed };
    throw new TypeError("not an object");
  } catch (cause) {
    throw new MemoError("CONFIG_INVALID", `${path} cannot be read as a JSON object of settings.`, {
      details: { path },
      cause,
    });
  }
}

async function start(settings: KeeperSettings): Promise<number> {
  const logger = createLogger({ name: "memo-keeper", level: settings.logLevel });
  const shutdown = createShutdown({ logger });
  let failed = false;
  try {
    const keeper = await startKeeper({
      settings,
      account: await operatorAccount(settings),
      deployment: await readDeployment(settings.deployment),
      points: await loadPoints(),
      logger,
      version: await packageVersion(),
    });
    shutdown.onStop("keeper", () => keeper.stop());
    logger.info(keeper.status(), "keeper runs");
    keeper.ended.catch(() => {
      failed = true;
      shutdown.request("failure");
    });
  } catch (error) {
    shutdown.request("failed start");
    await shutdown.done;
    throw error;
  }
  const code = await shutdown.done;
  return failed ? 1 : code;
}

async function register(settings: KeeperSettings) {
  const logger = createLogger({ name: "memo-keeper", level: settings.logLevel });
  const deployment = await readDeployment(settings.deployment);
  const group = findGroup(deployment, settings.group);
  const operator = await operatorAccount(settings);
  const owner = privateKeyToAccount(await readKeyFile(required(settings.ownerKeyFile, "--owner-key-file")));
  const transport = http(settings.rpcUrl);
  const address = settings.announce ?? settings.listen;
  const endpoint = `${address}/p2p/${await peerIdFromSeed(await loadPeerSeed(settings))}`;
  const { keeperId, hash } = await registerKeeper({
    publicClient: createPublicClient({ transport }),
    walletClient: createWalletClient({ account: owner, transport }),
    token: deployment.token,
    staking: group.staking,
    operator: operator.address,
    endpoint,
    stake: settings.stake,
    logger,
  });
  return { keeperId, endpoint, operator: operator.address, owner: owner.address, transaction: hash };
}

async function operatorAccount(settings: KeeperSettings) {
  return privateKeyToAccount(await readKeyFile(required(settings.operatorKeyFile, "--operator-key-file")));
}

function required(path: string | undefined, flag: string): string {
  if (path !== undefined) return path;
  throw new MemoError("SETTING_INVALID", `${flag} must be given: a file with a private key, mode 600.`, {
    details: { flag },
  });
}

async function fetchStatus({ httpHost, httpPort }: KeeperSettings): Promise<string> {
  const host = httpHost.includes(":") ? `[${httpHost}]` : httpHost;
  const url = `http://${host}:${httpPort}/status`;
  try {
    const response = await fetch(url);
    if (!response.ok) throw new TypeError(`HTTP ${response.status}`);
    return await response.text();
  } catch (cause) {
    throw new MemoError("NOT_RUNNING", `No keeper answers at ${url}. Start it, or give its --http-port.`, {
      details: { url },
      cause,
    });
  }
}

async function packageVersion(): Promise<string> {
  // The package file is one level above in the repository and two above in the package's dist/.
  for (const path of ["../package.json", "../../package.json"]) {
    const text = await readFile(new URL(path, import.meta.url), "utf8").catch(() => undefined);
    if (text !== undefined) return (JSON.parse(text) as { version: string }).version;
  }
  return "unknown";
}
