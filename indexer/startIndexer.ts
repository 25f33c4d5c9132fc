import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { readDeployment } from "../protocol/chain/deployment.ts";
import { MemoError } from "../protocol/errors.ts";
import { type PonderProcess, spawnPonder } from "./ponderProcess.ts";
import { claimPort, portInUse } from "./port.ts";

/** How often readiness is asked for; answers come in about a millisecond on loopback. */
const ASK_EVERY_MS = 50;
/** A question without an answer for so long is asked again, so that time-outs and signals are looked at. */
const ANSWER_TIMEOUT_MS = 5_000;
/** Longest time from the start of the process to the end of its backfill. */
const DEFAULT_START_TIMEOUT_MS = 120_000;

export type IndexerOptions = {
  /** JSON-RPC over HTTP of the chain. */
  readonly rpcUrl: string;
  /** The deployment file; it fixes chain, factory and first block. */
  readonly deploymentPath: string;
  /** HTTP port; 0 picks a free one. */
  readonly port: number;
  /**
   * Where PGlite, the log and the generated schema lie. One directory belongs to one deployment on one
   * chain: what was read from the chain is kept in it, so a chain that starts again needs a new one.
   */
  readonly dataDir: string;
  /** PostgreSQL instead of PGlite, e.g. `postgres://user:password@host:5432/name`. */
  readonly databaseUrl?: string | undefined;
  /** Database schema, default `public`. */
  readonly schema?: string | undefined;
  /** Address to listen on, default loopback. */
  readonly host?: string | undefined;
  /** How often the chain is asked for a new block, at least 100. Default 1000. */
  readonly pollingMs?: number | undefined;
  readonly startTimeoutMs?: number | undefined;
  /** Stops the indexer when it aborts. */
  readonly signal?: AbortSignal | undefined;
  readonly logger: Logger;
};

export type Indexer = {
  /** `http://host:port`; GraphQL is at `/graphql`. */
  readonly url: string;
  /** JSON lines. */
  readonly logPath: string;
  /** Process id, for those who watch or kill it. */
  readonly pid: number;
  /** Settles when the process has ended, with its exit code (null: by a signal). */
  readonly exited: Promise<number | null>;
  /** Waits until every event up to and including `block` (default: the backfill) is in the index. */
  ready(block?: number | bigint, signal?: AbortSignal): Promise<{ block: number }>;
  /** Ends the process; it has two seconds before it is killed. Safe to call twice. */
  stop(): Promise<void>;
};

/**
 * Starts Ponder as a child process and returns once it answers and has finished its backfill.
 *
 * @throws MemoError of `readDeployment` (missing, malformed or newer file), `PORT_IN_USE`,
 *   `INDEX_OF_ANOTHER_BUILD` (the database was written by another deployment or version),
 *   `INDEXER_FAILED` (ended by itself; the message carries its last error), `INDEXER_TIMEOUT`.
 */
export async function startIndexer(options: IndexerOptions): Promise<Indexer> {
  const { logger, signal } = options;
  signal?.throwIfAborted();
  const deploymentPath = resolve(options.deploymentPath);
  await readDeployment(deploymentPath, options.rpcUrl);
  const dataDir = resolve(options.dataDir);
  await mkdir(dataDir, { recursive: true });
  const host = options.host ?? "127.0.0.1";
  const port = await claimPort(host, options.port);
  const url = `http://${host}:${port}`;

  const ponder = await spawnPonder({
    dataDir,
    host,
    port,
    schema: options.schema ?? "public",
    env: {
      MEMO_DEPLOYMENT: deploymentPath,
      MEMO_RPC_URL: options.rpcUrl,
      MEMO_INDEXER_DIR: join(dataDir, "pglite"),
      MEMO_INDEXER_POLLING_MS: String(options.pollingMs ?? 1000),
      ...(options.databaseUrl === undefined ? {} : { DATABASE_URL: options.databaseUrl }),
    },
  });
  const onAbort = (): void => void ponder.stop();
  signal?.addEventListener("abort", onAbort, { once: true });
  void ponder.exited.then((code) => {
    signal?.removeEventListener("abort", onAbort);
    logger.info({ code }, "indexer ended");
  });

  try {
    const timeout = AbortSignal.timeout(options.startTimeoutMs ?? DEFAULT_START_TIMEOUT_MS);
    await waitFor(ponder, () => isReady(url), timeout, signal);
  } catch (error) {
    await ponder.stop();
    throw error;
  }
  if (ponder.port() !== port) {
    await ponder.stop();
    throw portInUse(host, port);
  }
  logger.info(
    { url, pid: ponder.pid, database: options.databaseUrl ? "postgres" : "pglite" },
    "indexer ready",
  );

  return {
    url,
    logPath: ponder.logPath,
    pid: ponder.pid,
    exited: ponder.exited,
    stop: () => ponder.stop(),
    ready: async (block = 0, readySignal) => {
      let reached = -1;
      const wanted = Number(block);
      await waitFor(
        ponder,
        async () => {
          reached = (await indexedBlock(url)) ?? -1;
          return reached >= wanted;
        },
        readySignal,
        signal,
      );
      return { block: reached };
    },
  };
}

/** The newest block whose events are in the index, or undefined while it cannot say. */
export async function indexedBlock(url: string): Promise<number | undefined> {
  try {
    const response = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: "{ _meta { status } }" }),
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    const body = (await response.json()) as {
      data?: { _meta?: { status?: Record<string, { block: { number: number } }> } };
    };
    return body.data?._meta?.status?.memo?.block.number;
  } catch {
    return undefined;
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/ready`, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) })).status === 200;
  } catch {
    return false;
  }
}

async function waitFor(
  ponder: PonderProcess,
  condition: () => Promise<boolean>,
  timeout: AbortSignal | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  while (!(await condition())) {
    if (ponder.hasExited()) throw ponder.failure();
    signal?.throwIfAborted();
    if (timeout?.aborted) {
      throw new MemoError("INDEXER_TIMEOUT", "The indexer did not catch up in time; see its log.", {
        details: { logPath: ponder.logPath },
        cause: timeout.reason,
        retryable: true,
      });
    }
    await delay(ASK_EVERY_MS);
  }
}
