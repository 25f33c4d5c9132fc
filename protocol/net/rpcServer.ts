import type { Connection, Stream } from "@libp2p/interface";
import { z } from "zod";
import { MemoError } from "../errors.ts";
import type { Logger } from "../runtime/logger.ts";
import type { Metrics } from "../runtime/metrics.ts";
import type { ProtocolMethods, RequestOf, ResponseOf, RpcProtocol } from "../wire/protocol.ts";
import { protocolId } from "../wire/protocol.ts";
import { createFramedStream, type FramedStream } from "./framedStream.ts";
import type { Host } from "./host.ts";
import {
  CODE_PATTERN,
  decodeRequest,
  encodeFrame,
  FRAME_VERSION,
  MESSAGE_LENGTH,
  type RemoteError,
  type RequestFrame,
} from "./rpcFrames.ts";

/** What a handler knows besides the request. */
export type RpcContext = {
  /** Peer id of the caller, proven by the connection. */
  readonly peer: string;
  /** Aborts when the caller gives up or goes away, and when the server closes. */
  readonly signal: AbortSignal;
};

/**
 * One function per method. A `MemoError` travels to the caller as code and message; anything else becomes
 * `INTERNAL` and is only logged.
 */
export type RpcHandlers<Methods extends ProtocolMethods> = {
  readonly [Name in keyof Methods]: (
    request: RequestOf<Methods, Name>,
    context: RpcContext,
  ) => Promise<ResponseOf<Methods, Name>> | ResponseOf<Methods, Name>;
};

export type RpcServerLimits = {
  /** Requests of one peer that are worked on at once; more stay unread. */
  inFlight: number;
  /** Bytes of one peer's requests that are worked on at once; more stay unread. */
  inFlightBytes: number;
  /** Streams of one protocol that one connection may open. */
  streamsPerConnection: number;
};

const DEFAULT_LIMITS: RpcServerLimits = { inFlight: 64, inFlightBytes: 8_388_608, streamsPerConnection: 4 };

export type RpcServer = { close(): Promise<void> };

/** Budget and streams of one peer. */
type Peer = { inFlight: number; bytes: number; readonly pumps: Set<() => void> };

/** Serves a protocol on a host. Hostile input closes the stream at worst, with a counted reason. */
export async function createRpcServer<Methods extends ProtocolMethods>(options: {
  host: Host;
  protocol: RpcProtocol<Methods>;
  handlers: RpcHandlers<Methods>;
  limits?: Partial<RpcServerLimits>;
  logger: Logger;
  metrics?: Metrics;
}): Promise<RpcServer> {
  const { host, protocol, handlers } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const id = protocolId(protocol);
  const logger = options.logger.child({ protocol: id });
  const requests = options.metrics?.counter({
    name: "rpc_requests_total",
    help: "Requests answered, by outcome: ok or the error's code.",
    labels: ["protocol", "method", "outcome"],
  });
  const closes = options.metrics?.counter({
    name: "rpc_server_streams_closed_total",
    help: "Incoming streams that ended, by reason.",
    labels: ["protocol", "reason"],
  });
  const peers = new Map<string, Peer>();
  const streams = new Set<FramedStream>();

  const run = async (frame: RequestFrame, context: RpcContext): Promise<Uint8Array> => {
    const outcome = await answer(protocol, handlers, frame, context, logger);
    const known = Object.hasOwn(protocol.methods, frame.method);
    // Only known names become labels: a peer must not be able to fill the registry.
    requests?.inc({
      protocol: id,
      method: known ? frame.method : "unknown",
      outcome: "error" in outcome ? outcome.error.code : "ok",
    });
    const bytes = encodeFrame({ v: FRAME_VERSION, id: frame.id, ...outcome });
    if (bytes.length <= protocol.maxFrameBytes) return bytes;
    logger.error({ method: frame.method, bytes: bytes.length }, "a response exceeds the frame limit");
    return encodeFrame({
      v: FRAME_VERSION,
      id: frame.id,
      error: remoteError("RESPONSE_TOO_LARGE", "The response exceeds the frame limit; ask for less."),
    });
  };

  const onStream = (stream: Stream, connection: Connection) => {
    const name = connection.remotePeer.toString();
    const peer = peers.get(name) ?? { inFlight: 0, bytes: 0, pumps: new Set() };
    peers.set(name, peer);
    const running = new Map<number, AbortController>();
    const waiting: { frame: RequestFrame; bytes: number }[] = [];

    const pump = () => {
      while (
        waiting.length > 0 &&
        peer.inFlight < limits.inFlight &&
        hasRoom(peer, waiting[0]!.bytes, limits)
      ) {
        const { frame, bytes } = waiting.shift()!;
        const controller = new AbortController();
        running.set(frame.id, controller);
        peer.inFlight += 1;
        peer.bytes += bytes;
        void serve(frame, controller).finally(() => {
          peer.inFlight -= 1;
          peer.bytes -= bytes;
          for (const other of peer.pumps) other();
          forget();
        });
      }
      if (waiting.length > 0) framed.pause();
      else framed.resume();
    };
    const serve = async (frame: RequestFrame, controller: AbortController) => {
      const response = await run(frame, { peer: name, signal: controller.signal });
      running.delete(frame.id);
      if (!peer.pumps.has(pump)) return;
      framed.send(response);
      // A peer that asks but does not read keeps its requests in flight, and so runs into its limit.
      await framed.flushed();
    };
    const forget = () => {
      if (peer.pumps.size === 0 && peer.inFlight === 0) peers.delete(name);
    };
    const framed = createFramedStream({
      stream,
      maxFrameBytes: protocol.maxFrameBytes,
      onFrame(payload) {
        const frame = decodeRequest(payload);
        if (frame === undefined) return framed.close("malformed");
        if ("cancel" in frame)
          return running.get(frame.id)?.abort(new DOMException("cancelled", "AbortError"));
        if (running.has(frame.id)) return framed.close("repeated_id");
        waiting.push({ frame, bytes: payload.length });
        pump();
      },
      onClose(reason) {
        streams.delete(framed);
        peer.pumps.delete(pump);
        waiting.length = 0;
        for (const controller of running.values())
          controller.abort(new DOMException("disconnected", "AbortError"));
        closes?.inc({ protocol: id, reason });
        if (reason !== "remote" && reason !== "server_closed")
          logger.warn({ peer: name, reason }, "closed a stream");
        forget();
      },
    });
    peer.pumps.add(pump);
    streams.add(framed);
  };

  await host.libp2p.handle(id, onStream, {
    maxInboundStreams: limits.streamsPerConnection,
    maxOutboundStreams: limits.streamsPerConnection,
  });
  return {
    async close() {
      await host.libp2p.unhandle(id);
      for (const framed of [...streams]) framed.close("server_closed");
    },
  };
}

/** A single request larger than the byte limit is still let through, alone. */
function hasRoom(peer: Peer, bytes: number, limits: RpcServerLimits): boolean {
  return peer.bytes === 0 || peer.bytes + bytes <= limits.inFlightBytes;
}

async function answer<Methods extends ProtocolMethods>(
  protocol: RpcProtocol<Methods>,
  handlers: RpcHandlers<Methods>,
  frame: RequestFrame,
  context: RpcContext,
  logger: Logger,
): Promise<{ body: unknown } | { error: RemoteError }> {
  if (frame.v !== FRAME_VERSION) {
    return {
      error: remoteError(
        "UNSUPPORTED_VERSION",
        `Frames of version ${frame.v} are not spoken here; send version ${FRAME_VERSION}.`,
      ),
    };
  }
  if (!Object.hasOwn(protocol.methods, frame.method)) {
    const known = Object.keys(protocol.methods).join(", ");
    return {
      error: remoteError("UNKNOWN_METHOD", `${protocolId(protocol)} has no such method; it has ${known}.`),
    };
  }
  const method: keyof Methods = frame.method;
  const schemas = protocol.methods[method]!;
  const request = schemas.request.safeDecode(frame.body);
  if (!request.success) {
    return {
      error: remoteError("RPC_INVALID_REQUEST", `${frame.method}: ${z.prettifyError(request.error)}`),
    };
  }
  try {
    const response = await handlers[method](request.data as RequestOf<Methods, keyof Methods>, context);
    return { body: z.encode(schemas.response, response) };
  } catch (error) {
    if (error instanceof MemoError) return { error: remoteError(error.code, error.message, error.retryable) };
    if (context.signal.aborted) return { error: remoteError("CANCELLED", "The request was cancelled.") };
    logger.error({ error, method: frame.method, peer: context.peer }, "a handler failed");
    return { error: remoteError("INTERNAL", "The peer failed to answer; its log says why.", true) };
  }
}

function remoteError(code: string, message: string, retryable = false): RemoteError {
  return {
    code: CODE_PATTERN.test(code) ? code : "INTERNAL",
    message: message.slice(0, MESSAGE_LENGTH),
    retryable,
  };
}
