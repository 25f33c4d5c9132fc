import type { Stream } from "@libp2p/interface";
import { MemoError } from "../errors.ts";
import { protocolId, type RpcProtocol } from "../wire/protocol.ts";
import { createFramedStream } from "./framedStream.ts";
import { type Host, parseEndpoint } from "./host.ts";
import { decodeResponse, encodeFrame, FRAME_VERSION } from "./rpcFrames.ts";

/** The calling end of one stream; answers find their requests by id. */
export type Session = {
  /** Sends an encoded request and resolves with the body of its answer, not yet validated. */
  request(id: number, frame: Uint8Array, signal: AbortSignal): Promise<unknown>;
  close(reason: string): void;
};

type Pending = { readonly resolve: (body: unknown) => void; readonly reject: (error: unknown) => void };

/**
 * Opens a stream to the peer at `endpoint`.
 * @throws RPC_UNREACHABLE, UNSUPPORTED_VERSION, ENDPOINT_MALFORMED
 */
export async function createSession(options: {
  host: Host;
  protocol: RpcProtocol;
  endpoint: string;
  signal: AbortSignal;
  onClose: (reason: string) => void;
}): Promise<Session> {
  const { endpoint, protocol } = options;
  const stream = await openStream(options);
  const pending = new Map<number, Pending>();
  const framed = createFramedStream({
    stream,
    maxFrameBytes: protocol.maxFrameBytes,
    onFrame(payload) {
      const frame = decodeResponse(payload);
      if (frame === undefined || frame.v !== FRAME_VERSION) return framed.close("malformed");
      const call = pending.get(frame.id);
      // An answer to a call that was given up meanwhile.
      if (call === undefined) return;
      pending.delete(frame.id);
      if (!("error" in frame)) return call.resolve(frame.body);
      const { code, message, retryable } = frame.error;
      call.reject(new MemoError(code, message, { details: { remote: true, endpoint }, retryable }));
    },
    onClose(reason) {
      for (const call of pending.values()) call.reject(disconnected(endpoint, reason));
      pending.clear();
      options.onClose(reason);
    },
  });
  return {
    close: (reason) => framed.close(reason),
    async request(id, frame, signal) {
      signal.throwIfAborted();
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      const onAbort = () => {
        pending.delete(id);
        reject(signal.reason);
        try {
          framed.send(encodeFrame({ v: FRAME_VERSION, id, cancel: true }));
        } catch {
          // The stream has closed meanwhile, which cancels as well.
        }
      };
      signal.addEventListener("abort", onAbort, { once: true });
      pending.set(id, { resolve, reject });
      try {
        framed.send(frame);
        return await promise;
      } finally {
        pending.delete(id);
        signal.removeEventListener("abort", onAbort);
      }
    },
  };
}

async function openStream(options: {
  host: Host;
  protocol: RpcProtocol;
  endpoint: string;
  signal: AbortSignal;
}): Promise<Stream> {
  const { host, protocol, endpoint, signal } = options;
  const { address, peer } = parseEndpoint(endpoint);
  try {
    const connection = await host.libp2p.dial(address, { signal });
    return await connection.newStream(protocolId(protocol), { signal });
  } catch (cause) {
    if (cause instanceof Error && cause.name === "UnsupportedProtocolError") {
      const offered = await offeredVersions(host, peer, protocol.name);
      throw new MemoError(
        "UNSUPPORTED_VERSION",
        `The peer does not speak ${protocolId(protocol)}; of ${protocol.name} it offers ${offered}. Upgrade the older side.`,
        { details: { endpoint, protocol: protocolId(protocol), offered }, cause },
      );
    }
    throw new MemoError("RPC_UNREACHABLE", `The peer at ${endpoint} cannot be reached. Is it running?`, {
      details: { endpoint },
      retryable: true,
      cause,
    });
  }
}

/** What the peer told about itself when the connection was made. */
async function offeredVersions(host: Host, peer: string, name: string): Promise<string> {
  const known = await host.libp2p.peerStore.all();
  const protocols = known.find(({ id }) => id.toString() === peer)?.protocols ?? [];
  return protocols.filter((protocol) => protocol.startsWith(`${name}/`)).join(", ") || "no version";
}

function disconnected(endpoint: string, reason: string): MemoError {
  if (reason === "malformed" || reason === "oversize" || reason === "empty") {
    return new MemoError("RPC_MALFORMED", `The peer at ${endpoint} sent what is no frame (${reason}).`, {
      details: { endpoint, reason },
    });
  }
  return new MemoError("RPC_DISCONNECTED", `The stream to ${endpoint} closed before the answer came.`, {
    details: { endpoint, reason },
    retryable: true,
  });
}
