import { fork } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { createCaller } from "./channel.ts";

/** A child has this long to end by itself before it is killed. */
const STOP_TIMEOUT_MS = 3_000;

export interface ChildOptions {
  /** What people call it in messages. */
  name: string;
  /** Its entry, beside this file. */
  script: string;
  /** Where its stdout and stderr go. */
  logPath: string;
}

/**
 * Starts an entry of this folder in a process of its own. It is in a process group of its own too, so that Ctrl-C in
 * the terminal reaches only the parent, which then ends everything in order; and it ends itself when the channel closes.
 */
export function startChild(options: ChildOptions) {
  mkdirSync(dirname(options.logPath), { recursive: true });
  const log = openSync(options.logPath, "a");
  const child = fork(fileURLToPath(new URL(options.script, import.meta.url)), [], {
    detached: true,
    execArgv: ["--disable-warning=ExperimentalWarning"],
    serialization: "advanced",
    stdio: ["ignore", log, log, "ipc"],
  });
  closeSync(log);
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const caller = createCaller(child, options.name);
  let stopping: Promise<void> | undefined;

  const stop = async (): Promise<void> => {
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await caller.call("stop").catch(() => undefined);
    if (child.connected) child.disconnect();
    await exited;
    clearTimeout(timer);
  };

  return {
    pid: child.pid,
    exited,
    call: caller.call,
    /** Ends the process; safe to call twice. */
    stop: (): Promise<void> => {
      stopping ??= stop();
      return stopping;
    },
  };
}

export type Child = ReturnType<typeof startChild>;
