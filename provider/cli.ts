import { readFile } from "node:fs/promises";
import { Command, CommanderError } from "commander";
import { createPublicClient, createWalletClient, http } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { findGroup, readDeployment } from "../protocol/chain/deployment.ts";
import { MemoError } from "../protocol/errors.ts";
import { createFieldPool } from "../protocol/kzg/fieldPool.ts";
import { createKzg } from "../protocol/kzg/kzg.ts";
import { loadPoints } from "../protocol/kzg/points.ts";
import { peerIdFromSeed } from "../protocol/net/host.ts";
import { systemClock } from "../protocol/runtime/clock.ts";
import { readKeyFile } from "../protocol/runtime/keyFile.ts";
import { createLogger } from "../protocol/runtime/logger.ts";
import { loadSettings } from "../protocol/runtime/settings.ts";
import { createShutdown } from "../protocol/runtime/shutdown.ts";
import { loadPeerSeed } from "./peerSeed.ts";
import { startProvider } from "./provider.ts";
import { registerProvider } from "./register.ts";
import { type ProviderSettings, providerSettings } from "./settings.ts";

const HELP = `
Settings come from flags, then environment (PROVIDER_…), then the JSON file of --config, then defaults;
\`config print\` shows them all with their source.

Examples:
  memo-provider register --deployment deployment.json --operator-key-file op.key --owner-key-file owner.key
  memo-provider start --deployment deployment.json --operator-key-file op.key --data-dir /srv/memo
  memo-provider status

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
  const program = new Command("memo-provider")
    .description("A storage node: keeps shards under stake and proves every epoch that it has them.")
    .addHelpText("after", HELP)
    .exitOverride()
    .configureOutput({ writeOut: out, writeErr: err });
  const command = (name: string, description: string, run: (settings: Loaded) => Promise<number>) => {
    const sub = (name === "print" ? config : program).command(name).description(description).exitOverride();
    sub.option("--config <path>", "JSON file with settings by their names");
    for (const { flag, env, description: text } of Object.values(providerSettings)) {
      sub.option(`${flag} <value>`, `${text} (${env})`);
    }
    sub.action(async (flags: Record<string, unknown>) => {
      code = await run(await load(flags, surroundings.env));
    });
  };
  const config = program.command("config").description("look at the settings").exitOverride();
  command("start", "run the provider until it is told to stop", ({ values }) => start(values));
  command(
    "register",
    "approve the stake and register in the group, with this provider's endpoint",
    async (s) => {
      out(`${JSON.stringify(await register(s.values))}\n`);
      return 0;
    },
  );
  command("status", "print the status of the provider that runs with these settings", async ({ values }) => {
    out(await fetchStatus(values));
    return 0;
  });
  command("print", "print every setting with its source, secrets redacted", async ({ describe }) => {
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
  return loadSettings({ definitions: providerSettings, env, envPrefix: "PROVIDER_", flags: rest, file });
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

async function start(settings: ProviderSettings): Promise<number> {
  const logger = createLogger({ name: "memo-provider", level: settings.logLevel });
  const shutdown = createShutdown({ logger });
  const deployment = await readDeployment(settings.deployment);
  const account = await operatorAccount(settings);
  const points = await loadPoints();
  const kzg = createKzg();
  const fieldPool = createFieldPool();
  shutdown.onStop("field pool", () => fieldPool.close());
  let failed = false;
  try {
    const provider = await startProvider({
      settings,
      account,
      deployment,
      kzg,
      points,
      fieldPool,
      clock: systemClock,
      logger,
      version: await packageVersion(),
    });
    shutdown.onStop("provider", () => provider.stop());
    // Asked to end while it was starting: the steps have run without this one.
    if (shutdown.signal.aborted) await provider.stop();
    logger.info(provider.status(), "provider runs");
    provider.ended.catch(() => {
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

async function register(settings: ProviderSettings) {
  const logger = createLogger({ name: "memo-provider", level: settings.logLevel });
  const deployment = await readDeployment(settings.deployment);
  const group = findGroup(deployment, settings.group);
  const operator = await operatorAccount(settings);
  const owner = privateKeyToAccount(await readKeyFile(required(settings.ownerKeyFile, "--owner-key-file")));
  const transport = http(settings.rpcUrl);
  const address = settings.announce ?? settings.listen;
  const endpoint = `${address}/p2p/${await peerIdFromSeed(await loadPeerSeed(settings))}`;
  const { ask, domain, repairs, stake } = settings;
  const { providerId, hash } = await registerProvider({
    publicClient: createPublicClient({ transport }),
    walletClient: createWalletClient({ account: owner, transport }),
    token: deployment.token,
    staking: group.staking,
    registration: { operator: operator.address, endpoint, domain, ask, repairs, stake },
    logger,
  });
  return { providerId, endpoint, operator: operator.address, owner: owner.address, transaction: hash };
}

async function operatorAccount(settings: ProviderSettings) {
  return privateKeyToAccount(await readKeyFile(required(settings.operatorKeyFile, "--operator-key-file")));
}

function required(path: string | undefined, flag: string): string {
  if (path !== undefined) return path;
  throw new MemoError("SETTING_INVALID", `${flag} must be given: a file with a private key, mode 600.`, {
    details: { flag },
  });
}

async function fetchStatus({ httpHost, httpPort }: ProviderSettings): Promise<string> {
  const host = httpHost.includes(":") ? `[${httpHost}]` : httpHost;
  const url = `http://${host}:${httpPort}/status`;
  try {
    const response = await fetch(url);
    if (!response.ok) throw new TypeError(`HTTP ${response.status}`);
    return await response.text();
  } catch (cause) {
    throw new MemoError("NOT_RUNNING", `No provider answers at ${url}. Start it, or give its --http-port.`, {
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
