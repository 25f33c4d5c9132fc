import { readFile } from "node:fs/promises";
import { Command, CommanderError } from "commander";
import { MemoError } from "../errors.ts";
import { packageVersion } from "./packageVersion.ts";
import {
  loadSettings,
  type SettingDefinition,
  type SettingDefinitions,
  type SettingValues,
} from "./settings.ts";

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

/** The settings that the program itself reads. */
type Definitions = SettingDefinitions & {
  readonly httpHost: SettingDefinition;
  readonly httpPort: SettingDefinition;
};

/** What is a daemon's own in `memo-<name> start | register | status | config print`. */
export type DaemonProgram<Table extends Definitions> = {
  /** `keeper`, `provider`: in capitals also the start of its environment variables. */
  readonly name: string;
  readonly description: string;
  /** Lines below "Examples:", and what else the help should say. */
  readonly examples: readonly string[];
  readonly remark?: string;
  readonly settings: Table;
  /** Runs the daemon to its end; resolves with the exit code. */
  start(settings: SettingValues<Table>): Promise<number>;
  readonly register: DaemonCommand<Table>;
  /** Further commands by their names. */
  readonly commands?: Readonly<Record<string, DaemonCommand<Table>>>;
};

/** A command that does one thing and ends. */
export type DaemonCommand<Table extends SettingDefinitions> = {
  readonly description: string;
  /** Resolves with what is printed as JSON. */
  run(settings: SettingValues<Table>): Promise<unknown>;
};

/**
 * Runs a daemon's command line; resolves with the exit code. Errors go to standard error, one line each,
 * with the codes of `loadSettings` and CONFIG_INVALID, NOT_RUNNING and what `start` and `register` throw.
 */
export async function runDaemonCli<const Table extends Definitions>(
  daemon: DaemonProgram<Table>,
  argv: readonly string[],
  surroundings: CliSurroundings = processSurroundings,
): Promise<number> {
  const { out, err, env } = surroundings;
  const { name, settings: definitions } = daemon;
  const envPrefix = `${name.toUpperCase()}_`;
  let code = 0;
  const program = new Command(`memo-${name}`)
    .description(daemon.description)
    .version(await packageVersion())
    .addHelpText("after", helpOf(daemon, envPrefix))
    .exitOverride()
    .configureOutput({ writeOut: out, writeErr: err });
  const config = program.command("config").description("look at the settings").exitOverride();

  const load = async ({ config: path, ...flags }: Record<string, unknown>) =>
    loadSettings({
      definitions,
      env,
      envPrefix,
      flags,
      file: typeof path === "string" ? await readConfig(path) : {},
    });
  type Loaded = Awaited<ReturnType<typeof load>>;
  const command = (
    parent: Command,
    verb: string,
    description: string,
    run: (loaded: Loaded) => Promise<number>,
  ) => {
    const sub = parent.command(verb).description(description).exitOverride();
    sub.option("--config <path>", "JSON file with settings by their names");
    for (const { flag, env: variable, description: text } of Object.values(definitions)) {
      sub.option(`${flag} <value>`, `${text} (${variable})`);
    }
    sub.action(async (flags: Record<string, unknown>) => {
      code = await run(await load(flags));
    });
  };
  const print = (text: string) => {
    out(text);
    return 0;
  };
  const start = `run the ${name} until it is told to stop`;
  command(program, "start", start, ({ values }) => daemon.start(values));
  for (const [verb, { description, run }] of Object.entries({
    register: daemon.register,
    ...daemon.commands,
  })) {
    command(program, verb, description, async ({ values }) =>
      print(`${JSON.stringify(await run(values))}\n`),
    );
  }
  const status = `print the status of the ${name} that runs with these settings`;
  command(program, "status", status, async ({ values }) =>
    print(await fetchStatus(name, String(values.httpHost), Number(values.httpPort))),
  );
  command(config, "print", "print every setting with its source, secrets redacted", async ({ describe }) =>
    print(
      describe()
        .map(({ flag, value, source }) => `${flag} = ${value} (${source})\n`)
        .join(""),
    ),
  );
  try {
    await program.parseAsync([...argv], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    err(`${error instanceof MemoError ? `${error.code}: ${error.message}` : String(error)}\n`);
    return 1;
  }
}

function helpOf({ examples, remark }: DaemonProgram<Definitions>, envPrefix: string): string {
  const paragraphs = [
    `\nSettings come from flags, then environment (${envPrefix}…), then the JSON file of --config, then defaults;
\`config print\` shows them all with their source.`,
    `Examples:\n${examples.map((example) => `  ${example}`).join("\n")}`,
    ...(remark === undefined ? [] : [remark]),
    "Exit codes: 0 done, 1 failed (one line on standard error says why and what to do).",
  ];
  return paragraphs.join("\n\n");
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

async function fetchStatus(name: string, httpHost: string, httpPort: number): Promise<string> {
  const host = httpHost.includes(":") ? `[${httpHost}]` : httpHost;
  const url = `http://${host}:${httpPort}/status`;
  try {
    const response = await fetch(url);
    if (!response.ok) throw new TypeError(`HTTP ${response.status}`);
    return await response.text();
  } catch (cause) {
    throw new MemoError("NOT_RUNNING", `No ${name} answers at ${url}. Start it, or give its --http-port.`, {
      details: { url },
      cause,
    });
  }
}
