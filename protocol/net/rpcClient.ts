import { z } from "zod";
import { MemoError } from "../errors.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import type { Metrics } from "../runtime/metrics.ts";
import type { ProtocolMethods, RequestOf, ResponseOf, RpcProtocol } from "../wire/protocol.ts";
import { protocolId } from "../wire/protocol.ts";
import { type Host, parseEndpoint } from "./host.ts";
import { encodeFrame, FRAME_VERSION } from "./rpcFrames.ts";
import { createSession, type Session } from "./rpcSession.ts";
import { createTurnstile, type Turnstile } from "./turnstile.ts";

export type RpcClientLimits = {
  /** Calls to one peer that are under way at once; more wait their turn. */
  inFlight: number;
  /** Bytes of requests to one peer that are under way at once. */
  inFlightBytes: number;
  /** Calls that may wait for their turn; more fail with RPC_BUSY. */
  waiting: number;
  /** Milliseconds a call may take in all, unless it says otherwise. */
  timeoutMs: number;
  /** Longest time for which a peer that could not be reached is not dialled again. */
  backoffMs: number;
};

const DEFAULT_LIMITS: RpcClientLimits = {
  inFlight: 64,
  inFlightBytes: 8_388_608,
  waiting: 4_096,
  timeoutMs: 30_000,
  backoffMs: 5_000,
};
const FIRST_BACKOFF_MS = 100;

export type RpcClient<Methods extends ProtocolMethods> = {
  /**
   * Calls a method of the peer at `endpoint` over the one stream to it, which is opened when needed.
   * @throws the peer's own code (details.remote is true); RPC_UNREACHABLE, RPC_DISCONNECTED, RPC_TIMEOUT,
   * RPC_BUSY (all retryable); RPC_MALFORMED, RPC_INVALID_REQUEST, UNSUPPORTED_VERSION, ENDPOINT_MALFORMED;
   * the signal's reason when it aborts
   */
  call<Name extends keyof Methods & string>(
    endpoint: string,
    method: Name,
    request: RequestOf<Methods, Name>,
    options?: { signal?: AbortSignal | undefined; timeoutMs?: number },
  ): Promise<ResponseOf<Methods, Name>>;
  /** Ends all streams; calls under way fail with RPC_DISCONNECTED. */
  close(): void;
};

type Peer = {
  session: Promise<Session> | undefined;
  readonly turnstile: Turnstile;
  nextId: number;
  backoffMs: number;
  dialAfter: number;
};

/** Creates the calling side of a protocol; one per host and protocol is enough. */
export function createRpcClient<Methods extends ProtocolMethods>(options: {
  host: Host;
  protocol: RpcProtocol<Methods>;
  limits?: Partial<RpcClientLimits>;
  logger: Logger;
  metrics?: Metrics;
  clock?: Clock;
}): RpcClient<Methods> {
  const { host, protocol, clock = systemClock } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const id = protocolId(protocol);
  const logger = options.logger.child({ protocol: id });
  const outcomes = options.metrics?.counter({
    name: "rpc_calls_total",
    help: "Calls made, by outcome: ok, REMOTE for an error that the peer gave, or an own error's code.",
    labels: ["protocol", "method", "outcome"],
  });
  const closes = options.metrics?.counter({
    name: "rpc_client_streams_closed_total",
    help: "Outgoing streams that ended, by reason.",
    labels: ["protocol", "reason"],
  });
  const peers = new Map<string, Peer>();
  /** One per call under way, and one per stream that is being opened. */
  const active = new Set<AbortController>();
  let closed = false;

  const peerOf = (name: string): Peer => {
    const peer = peers.get(name) ?? {
      session: undefined,
      turnstile: createTurnstile(limits),
      nextId: 0,
      backoffMs: 0,
      dialAfter: 0,
    };
    peers.set(name, peer);
    return peer;
  };

  /** Runs a task under a signal that the caller, the time limit or `close` may abort. */
  const limited = async <Result>(
    timeoutMs: number,
    signal: AbortSignal | undefined,
    timeoutError: () => MemoError,
    task: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> => {
    const controller = new AbortController();
    const onAbort = () => controller.abort(signal?.reason);
    const timer = setTimeout(() => controller.abort(timeoutError()), timeoutMs);
    signal?.addEventListener("abort", onAbort, { once: true });
    active.add(controller);
    try {
      return await task(controller.signal);
    } finally {
      active.delete(controller);
      signal?.removeEventListener("abort", onAbort);
      clearTimeout(timer);
    }
  };

  const open = async (peer: Peer, endpoint: string, onGone: () => void): Promise<Session> => {
    const wait = peer.dialAfter - clock.now();
    if (wait > 0) throw unreachable(endpoint, wait);
    const tooSlow = () => unreachable(endpoint, 0);
    try {
      const session = await limited(limits.timeoutMs, undefined, tooSlow, (signal) =>
        createSession({
          host,
          protocol,
          endpoint,
          signal,
          onClose(reason) {
            onGone();
            closes?.inc({ protocol: id, reason });
            if (reason !== "remote" && reason !== "client_closed")
              logger.warn({ endpoint, reason }, "closed a stream");
          },
        }),
      );
      peer.backoffMs = 0;
      if (closed) session.close("client_closed");
      return session;
    } catch (error) {
      peer.backoffMs = Math.min(limits.backoffMs, Math.max(FIRST_BACKOFF_MS, peer.backoffMs * 2));
      peer.dialAfter = clock.now() + peer.backoffMs;
      throw error;
    }
  };

  const sessionOf = (peer: Peer, endpoint: string): Promise<Session> => {
    if (peer.session !== undefined) return peer.session;
    const onGone = () => {
      if (peer.session === opening) peer.session = undefined;
    };
    const opening = open(peer, endpoint, onGone);
    opening.catch(onGone);
    peer.session = opening;
    return opening;
  };

  return {
    async call(endpoint, method, request, { signal, timeoutMs = limits.timeoutMs } = {}) {
      signal?.throwIfAborted();
      if (closed) throw new MemoError("RPC_DISCONNECTED", "This client is closed.");
      const peer = peerOf(parseEndpoint(endpoint).peer);
      const timedOut = () =>
        new MemoError("RPC_TIMEOUT", `${method}: no answer from ${endpoint} within ${timeoutMs} ms.`, {
          details: { endpoint, method, timeoutMs },
          retryable: true,
        });
      let outcome = "ok";
      try {
        const body = await limited(timeoutMs, signal, timedOut, async (either) => {
          const leave = await peer.turnstile.enter(sizeOf(request), either);
          try {
            // Encoded only when it is its turn: waiting calls must not hold a second copy of their bytes.
            const frameId = peer.nextId++;
            const frame = encodeRequest(protocol, method, frameId, request);
            const session = await abortable(sessionOf(peer, endpoint), either);
            return await session.request(frameId, frame, either);
          } finally {
            leave();
          }
        });
        return readResponse(protocol, method, body, endpoint);
      } catch (error) {
        outcome = !(error instanceof MemoError) ? "ABORTED" : error.details.remote ? "REMOTE" : error.code;
        throw error;
      } finally {
        outcomes?.inc({ protocol: id, method, outcome });
      }
    },
    close() {
      closed = true;
      const reason = new MemoError("RPC_DISCONNECTED", "The client was closed before the answer came.");
      for (const controller of [...active]) controller.abort(reason);
      for (const peer of peers.values()) {
        peer.session?.then((session) => session.close("client_closed")).catch(() => undefined);
      }
      peers.clear();
    },
  };
}

/** About how many bytes a request will take: only byte strings count. */
function sizeOf(request: unknown): number {
  if (typeof request !== "object" || request === null) return 0;
  return Object.values(request).reduce(
    (sum: number, value) => sum + (value instanceof Uint8Array ? value.length : 0),
    0,
  );
}

function encodeRequest(protocol: RpcProtocol, method: string, id: number, request: unknown): Uint8Array {
  const body = z.safeEncode(protocol.methods[method]!.request, request);
  if (!body.success) {
    throw new MemoError("RPC_INVALID_REQUEST", `${method}: ${z.prettifyError(body.error)}`, {
      details: { method },
    });
  }
  const frame = encodeFrame({ v: FRAME_VERSION, id, method, body: body.data });
  if (frame.length <= protocol.maxFrameBytes) return frame;
  throw new MemoError(
    "RPC_INVALID_REQUEST",
    `${method}: the request has ${frame.length} bytes, at most ${protocol.maxFrameBytes} are allowed. Send less at once.`,
    { details: { method, bytes: frame.length } },
  );
}

function readResponse<Methods extends ProtocolMethods, Name extends keyof Methods & string>(
  protocol: RpcProtocol<Methods>,
  method: Name,
  body: unknown,
  endpoint: string,
): ResponseOf<Methods, Name> {
  const response = protocol.methods[method]!.response.safeDecode(body);
  if (response.success) return response.data as ResponseOf<Methods, Name>;
  throw new MemoError(
    "RPC_MALFORMED",
    `${method}: the answer of ${endpoint} is not valid: ${z.prettifyError(response.error)}`,
    { details: { endpoint, method } },
  );
}

function unreachable(endpoint: string, waitMs: number): MemoError {
  const next = waitMs > 0 ? ` It is tried again in ${waitMs} ms.` : "";
  return new MemoError("RPC_UNREACHABLE", `The peer at ${endpoint} could not be reached.${next}`, {
    details: { endpoint, retryAfterMs: waitMs },
    retryable: true,
  });
}

/** Waits for a promise that others wait for too; only this wait ends when the signal aborts. */
function abortable<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
