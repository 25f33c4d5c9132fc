import { type ServerType, serve } from "@hono/node-server";
import { Hono } from "hono";
import { MemoError } from "../errors.ts";
import type { Logger } from "./logger.ts";
import type { Metrics } from "./metrics.ts";

/** Why a daemon cannot do its work yet; no reasons means that it is ready. */
export type Readiness = { readonly ready: boolean; readonly reasons: readonly string[] };

export type DaemonServer = {
  /** Listens; resolves with the address that was bound. */
  start(): Promise<{ host: string; port: number; url: string }>;
  /** Ends idle keep-alive connections at once, waits `graceMs` for running requests, then cuts them. */
  stop(graceMs?: number): Promise<void>;
};

/**
 * The HTTP side of a daemon: `/health` (up), `/ready` (503 and JSON reasons until it is), `/status`
 * (JSON), `/metrics` (Prometheus), and further routes.
 * @throws PORT_IN_USE, PORT_FORBIDDEN, HOST_UNAVAILABLE from `start`
 */
export function createDaemonServer(options: {
  /** Loopback unless said otherwise: status tells strangers more than they need. */
  host?: string;
  /** 0 lets the system choose. */
  port: number;
  metrics: Metrics;
  ready: () => Readiness | Promise<Readiness>;
  status: () => unknown;
  routes?: (app: Hono) => void;
  logger: Logger;
}): DaemonServer {
  const { host = "127.0.0.1", port, logger } = options;
  const app = createApp(options);
  let server: ServerType | undefined;
  return {
    async start() {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      server = serve({ fetch: app.fetch, hostname: host, port }, (info) => resolve(info.port));
      server.once("error", (cause) => reject(listenError(host, port, cause)));
      const bound = await promise;
      const shownHost = host.includes(":") ? `[${host}]` : host;
      const url = `http://${shownHost}:${bound}`;
      logger.info({ url }, "http server listens");
      return { host, port: bound, url };
    },
    async stop(graceMs = 1_000) {
      const closing = server;
      if (closing === undefined) return;
      server = undefined;
      const { promise, resolve } = Promise.withResolvers<void>();
      closing.close(() => resolve());
      if ("closeIdleConnections" in closing) {
        closing.closeIdleConnections();
        const timer = setTimeout(() => closing.closeAllConnections(), graceMs);
        await promise;
        clearTimeout(timer);
      } else await promise;
    },
  };
}

function createApp(options: Parameters<typeof createDaemonServer>[0]): Hono {
  const app = new Hono();
  app.get("/health", (context) => context.text("ok"));
  app.get("/ready", async (context) => {
    const readiness = await options.ready();
    return context.json(readiness, readiness.ready ? 200 : 503);
  });
  app.get("/status", async (context) => {
    const body = JSON.stringify(await options.status(), bigintAsString, 2);
    return context.body(`${body}\n`, 200, { "content-type": "application/json; charset=utf-8" });
  });
  app.get("/metrics", async (context) => {
    const { registry } = options.metrics;
    return context.body(await registry.metrics(), 200, { "content-type": registry.contentType });
  });
  options.routes?.(app);
  app.notFound((context) =>
    context.json({ code: "NOT_FOUND", message: "There are /health, /ready, /status and /metrics." }, 404),
  );
  app.onError((error, context) => {
    options.logger.error({ error, path: context.req.path }, "request failed");
    const known = error instanceof MemoError;
    return context.json(
      {
        code: known ? error.code : "INTERNAL",
        message: known ? error.message : "Internal error; see the log.",
      },
      500,
    );
  });
  return app;
}

function listenError(host: string, port: number, cause: unknown): MemoError {
  const details = { host, port };
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === "EADDRINUSE") {
    return new MemoError(
      "PORT_IN_USE",
      `Port ${port} on ${host} is in use. Stop what uses it, or choose another one (0 picks a free one).`,
      { details, cause },
    );
  }
  if (code === "EACCES") {
    return new MemoError(
      "PORT_FORBIDDEN",
      `This user may not listen on port ${port}. Choose one above 1023.`,
      {
        details,
        cause,
      },
    );
  }
  return new MemoError(
    "HOST_UNAVAILABLE",
    `Cannot listen on ${host}:${port}. Is ${host} an address of this machine?`,
    {
      details,
      cause,
    },
  );
}

function bigintAsString(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
