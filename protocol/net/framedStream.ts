import type { Stream } from "@libp2p/interface";
import { MemoError } from "../errors.ts";
import { createFrameReader, frameOf } from "./frames.ts";

/** A libp2p stream that carries frames. */
export type FramedStream = {
  /** Queues a frame; throws when the stream is closed. */
  send(payload: Uint8Array): void;
  /** Resolves when at most `HIGH_WATER_BYTES` wait to be written, or the stream has closed. */
  flushed(): Promise<void>;
  /** Bytes that wait to be written. */
  queued(): number;
  /** Stops and continues reading; the peer's send window fills up meanwhile. */
  pause(): void;
  resume(): void;
  /** Resets the stream. `reason` goes to `onClose`, once. */
  close(reason: string): void;
};

/** Bytes that may wait in a stream before its writer has to. */
const HIGH_WATER_BYTES = 524_288;

/**
 * Wraps a stream. `onClose` is called exactly once, with `remote` when the peer ended it, or with the
 * reason of `close` or of a frame that cannot be delimited (`oversize`, `empty`).
 */
export function createFramedStream(options: {
  stream: Stream;
  maxFrameBytes: number;
  onFrame: (payload: Uint8Array) => void;
  onClose: (reason: string) => void;
}): FramedStream {
  const { stream, onFrame, onClose } = options;
  const reader = createFrameReader(options.maxFrameBytes);
  let closed = false;

  const finish = (reason: string, error?: Error) => {
    if (closed) return;
    closed = true;
    stream.removeEventListener("message", onMessage);
    stream.removeEventListener("remoteCloseWrite", onRemoteEnd);
    stream.removeEventListener("close", onRemoteEnd);
    if (error !== undefined && stream.status === "open") stream.abort(error);
    onClose(reason);
  };
  const close = (reason: string) => finish(reason, new Error(`stream closed: ${reason}`));
  // A correlated stream is of no use half-open.
  const onRemoteEnd = () => finish("remote", new Error("stream closed by peer"));
  const onMessage = (event: { data: Parameters<typeof reader.push>[0] }) => {
    const { frames, fault } = reader.push(event.data);
    for (const frame of frames) {
      if (closed) return;
      onFrame(frame);
    }
    if (fault !== undefined) close(fault);
  };
  stream.addEventListener("message", onMessage);
  stream.addEventListener("remoteCloseWrite", onRemoteEnd);
  stream.addEventListener("close", onRemoteEnd);

  return {
    send(payload) {
      if (closed) throw new MemoError("RPC_DISCONNECTED", "The stream is closed.", { retryable: true });
      stream.send(frameOf(payload));
    },
    queued: () => stream.writeBufferLength,
    flushed() {
      if (closed || stream.writeBufferLength <= HIGH_WATER_BYTES) return Promise.resolve();
      // libp2p's own onDrain() stays resolved after the first drain, hence the events.
      return new Promise((resolve) => {
        const events = ["drain", "idle", "close"] as const;
        const check = () => {
          // The queue is only written after all listeners of "drain" have run.
          setImmediate(() => {
            if (!closed && stream.writeBufferLength > HIGH_WATER_BYTES) return;
            for (const event of events) stream.removeEventListener(event, check);
            resolve();
          });
        };
        for (const event of events) stream.addEventListener(event, check);
      });
    },
    pause() {
      if (!closed && stream.readStatus === "readable") stream.pause();
    },
    resume() {
      if (!closed && stream.readStatus === "paused") stream.resume();
    },
    close,
  };
}
