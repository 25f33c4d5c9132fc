import { join } from "node:path";
import { MemoError } from "../protocol/errors.ts";
import { parseStartOptions, type StartOptions } from "./story/options.ts";
import { type ToldStory, tellStory } from "./story/story.ts";
import { createTerminal, type Terminal } from "./story/terminal.ts";

/* `npm start`: boots an embedded network, tells the story in it, and stays up until it is told to end. */

/** One Ctrl-C arrives up to three times: from the terminal, from npm, and from the bootstrap. */
const SAME_SIGNAL_MS = 1_000;
const STOP_TIMEOUT_MS = 4_500;
/** Real time between blocks once the story is over. */
const PACE_MS = 5_000;

/** Aborts at the first request to end; a later one ends the process at once. */
function listenForEnd(): AbortController {
  const ending = new AbortController();
  let askedAt: number | undefined;
  const request = (): void => {
    const now = performance.now();
    if (askedAt === undefined) {
      askedAt = now;
      ending.abort(new MemoError("STOPPED", "Stopped before the story was over."));
    } else if (now - askedAt > SAME_SIGNAL_MS) process.exit(1);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, request);
  // The bootstrap's channel closes when it is killed: nobody would be left to stop this process.
  if (process.channel !== undefined) {
    process.once("disconnect", request);
    process.channel.unref();
  }
  return ending;
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

async function stayUp(
  { network, result }: ToldStory,
  terminal: Terminal,
  ending: AbortSignal,
): Promise<void> {
  terminal.stage("The network stays up until Ctrl-C");
  terminal.note(`GraphQL        ${result.urls.graphql}`);
  terminal.note(`chain          ${result.urls.chain}`);
  for (const [index, url] of result.urls.keepers.entries()) terminal.note(`keeper ${index + 1}       ${url}`);
  terminal.note(`data           ${network.dataDir} (deployment.json, user.key for the memo command, logs)`);
  terminal.note("in another terminal:");
  terminal.note(
    `  export MEMO_RPC_URL=${result.urls.chain} MEMO_DEPLOYMENT=${join(network.dataDir, "deployment.json")} ` +
      `MEMO_KEY_FILE=${network.userKeyPath}`,
  );
  terminal.note("  npm run memo -- put README.md");
  network.conductor.setPace(PACE_MS);
  await untilAborted(ending);
}

async function end(told: ToldStory): Promise<void> {
  const timer = setTimeout(() => process.exit(1), STOP_TIMEOUT_MS);
  await told.network.stop();
  clearTimeout(timer);
}

async function run(options: StartOptions): Promise<number> {
  const terminal = createTerminal(options.json ? process.stderr : process.stdout);
  const ending = listenForEnd();
  let failure: Error | undefined;
  try {
    const told = await tellStory({
      options,
      terminal,
      installSeconds: Number(process.env.MEMO_INSTALL_SECONDS ?? 0),
      signal: ending.signal,
      onFailure: (error) => {
        failure ??= error;
        ending.abort(error);
      },
    });
    if (!options.once) await stayUp(told, terminal, ending.signal);
    terminal.clear();
    await end(told);
    if (failure !== undefined) throw failure;
    if (options.json) process.stdout.write(`${JSON.stringify(told.result)}\n`);
    return told.result.balances.conserved ? 0 : 1;
  } finally {
    terminal.clear();
  }
}

/** The exit code that a person or a script expects of an ended process. */
function report(error: unknown): number {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${message}\n`);
  return 1;
}

let code = 0;
try {
  const options = parseStartOptions(process.argv.slice(2));
  if (options !== undefined) code = await run(options);
} catch (error) {
  code = report(error);
}
// Sockets that libraries keep alive would hold the process for seconds.
process.stdout.write("", () => process.exit(code));
