import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { MemoError } from "../protocol/errors.ts";

/** Ponder gives its HTTP connections one second; after two it is killed. */
const STOP_TIMEOUT_MS = 1_900;
const ERRORS_KEPT = 5;
const ROOT = fileURLToPath(new URL(".", import.meta.url));

export type PonderProcess = {
  readonly pid: number;
  readonly logPath: string;
  readonly exited: Promise<number | null>;
  hasExited(): boolean;
  /** Port on which it said that it listens. */
  port(): number | undefined;
  /** What it said before it ended, as an error for people. */
  failure(): MemoError;
  stop(): Promise<void>;
};

/** Runs `ponder start` on this application with the Node that runs now; its log goes to a file in `dataDir`. */
export async function spawnPonder(options: {
  readonly dataDir: string;
  readonly host: string;
  readonly port: number;
  readonly schema: string;
  readonly env: Readonly<Record<string, string>>;
}): Promise<PonderProcess> {
  const { dataDir, host, port, schema, env } = options;
  const logPath = join(dataDir, "indexer.log");
  const child = spawn(
    process.execPath,
    [
      "--import",
      new URL("./exitWithParent.ts", import.meta.url).href,
      ponderBin(),
      "start",
      ...["--root", ROOT, "--schema", schema, "--hostname", host, "--port", String(port)],
      ...["--log-format", "json"],
    ],
    // Ponder writes generated/schema.graphql below its working directory.
    { cwd: dataDir, env: childEnvironment(env), stdio: ["ignore", "pipe", "pipe", "ipc"] },
  );

  const log = createWriteStream(logPath, { flags: "a" });
  const errors: string[] = [];
  let listening: number | undefined;
  const onLine = (line: string): void => {
    log.write(`${line}\n`);
    const entry = parseLine(line);
    if (entry.msg === "Created HTTP server") listening = entry.port;
    if (entry.error !== undefined) errors.push(entry.error);
    if (errors.length > ERRORS_KEPT) errors.shift();
  };
  createInterface({ input: child.stdout! }).on("line", onLine);
  createInterface({ input: child.stderr! }).on("line", onLine);

  let ended = false;
  const exited = new Promise<number | null>((resolve) => {
    child.once("close", (code) => {
      ended = true;
      log.end(() => resolve(code));
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });

  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    if (ended) return;
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  };

  return {
    pid: child.pid!,
    logPath,
    exited,
    hasExited: () => ended,
    port: () => listening,
    failure: () => describeFailure(errors, logPath),
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

/** They would override what was asked for (`PORT` beats `--port`), or change how the child runs. */
const NOT_INHERITED = new Set([
  "PORT",
  "DATABASE_URL",
  "DATABASE_PRIVATE_URL",
  "DATABASE_SCHEMA",
  "DATABASE_VIEWS_SCHEMA",
  "PONDER_LOG_LEVEL",
  "NODE_OPTIONS",
  "NODE_TEST_CONTEXT",
]);

function childEnvironment(env: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !NOT_INHERITED.has(name));
  return { ...Object.fromEntries(inherited), PONDER_TELEMETRY_DISABLED: "true", ...env };
}

function ponderBin(): string {
  return fileURLToPath(new URL("./bin/ponder.js", import.meta.resolve("ponder")));
}

function parseLine(line: string): { msg?: string; port?: number; error?: string } {
  try {
    const entry = JSON.parse(line) as {
      msg?: string;
      port?: number;
      level?: number;
      error?: { message?: string };
    };
    const failed = (entry.level ?? 0) >= 50;
    const error = failed ? (entry.error?.message ?? entry.msg) : undefined;
    return { ...entry, error } as { msg?: string; port?: number; error?: string };
  } catch {
    return { error: line };
  }
}

function describeFailure(errors: readonly string[], logPath: string): MemoError {
  const last = errors.at(-1) ?? "it ended without a word";
  const details = { logPath, errors: [...errors] };
  if (errors.some((line) => line.includes("previously used by"))) {
    return new MemoError(
      "INDEX_OF_ANOTHER_BUILD",
      "The database holds the index of another deployment or version; use a new data directory or schema, or drop the old one.",
      { details },
    );
  }
  return new MemoError("INDEXER_FAILED", `The indexer ended: ${last} (log: ${logPath})`, { details });
}
