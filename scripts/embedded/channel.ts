import type { ChildProcess } from "node:child_process";
import { MemoError } from "../../protocol/errors.ts";

/* Calls between the process that tells the story and those that it started, over Node's own channel. */

interface Request {
  id: number;
  method: string;
  params: unknown;
}

interface Response {
  id: number;
  result?: unknown;
  error?: { code: string; message: string };
}

export type Handlers = Record<string, (params: never) => unknown>;

/** Answers calls in a child. Returns at once; the process ends when the channel closes, however the parent ended. */
export function serveChannel(handlers: Handlers, onDisconnect: () => void): void {
  process.on("message", (request: Request) => {
    const handler = handlers[request.method];
    Promise.resolve()
      .then(() => {
        if (handler === undefined)
          throw new MemoError("UNKNOWN_CALL", `There is no call "${request.method}".`);
        return handler(request.params as never);
      })
      .then((result) => ({ id: request.id, result }))
      .catch((error: unknown) => ({ id: request.id, error: describe(error) }))
      .then((response) => {
        if (process.connected) process.send?.(response);
      });
  });
  process.once("disconnect", onDisconnect);
}

function describe(error: unknown): { code: string; message: string } {
  if (error instanceof MemoError) return { code: error.code, message: error.message };
  return {
    code: "INTERNAL",
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
}

/** The parent's end: one promise per call; every open call fails with `PROCESS_ENDED` when the child ends. */
export function createCaller(child: ChildProcess, name: string) {
  const open = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let next = 1;
  let ended = false;

  child.on("message", (response: Response) => {
    const call = open.get(response.id);
    open.delete(response.id);
    if (response.error) call?.reject(new MemoError(response.error.code, response.error.message));
    else call?.resolve(response.result);
  });
  child.once("exit", () => {
    ended = true;
    for (const call of open.values()) call.reject(processEnded(name));
    open.clear();
  });

  return {
    call<Result>(method: string, params?: unknown): Promise<Result> {
      if (ended) return Promise.reject(processEnded(name));
      const id = next++;
      return new Promise<Result>((resolve, reject) => {
        open.set(id, { resolve: resolve as (value: unknown) => void, reject });
        child.send({ id, method, params } satisfies Request, (error) => {
          if (error && open.delete(id)) reject(processEnded(name));
        });
      });
    },
  };
}

function processEnded(name: string): MemoError {
  return new MemoError(
    "PROCESS_ENDED",
    `The process of the ${name} has ended; see its log in the data directory.`,
  );
}
