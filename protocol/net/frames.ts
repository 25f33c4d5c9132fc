import { Uint8ArrayList } from "uint8arraylist";

/** Bytes of the big-endian length before each frame. */
const HEADER_BYTES = 4;

/** Why a stream of frames cannot be read on. */
export type FrameFault = "oversize" | "empty";

/** Cuts a byte stream into frames. */
export type FrameReader = {
  /**
   * Takes the next bytes and returns the frames that are complete now. After a fault it returns nothing
   * more: the rest cannot be delimited.
   */
  push(chunk: Uint8Array | Uint8ArrayList): { frames: Uint8Array[]; fault?: FrameFault };
};

/** Creates a reader that never buffers more than one frame of `maxBytes` beyond what it was given. */
export function createFrameReader(maxBytes: number): FrameReader {
  const buffer = new Uint8ArrayList();
  let length: number | undefined;
  let fault: FrameFault | undefined;
  return {
    push(chunk) {
      const frames: Uint8Array[] = [];
      if (fault !== undefined) return { frames, fault };
      buffer.append(chunk);
      for (;;) {
        if (length === undefined) {
          if (buffer.byteLength < HEADER_BYTES) return { frames };
          length = buffer.getUint32(0);
          buffer.consume(HEADER_BYTES);
          if (length > maxBytes || length === 0) {
            fault = length === 0 ? "empty" : "oversize";
            buffer.consume(buffer.byteLength);
            return { frames, fault };
          }
        }
        if (buffer.byteLength < length) return { frames };
        frames.push(buffer.subarray(0, length));
        buffer.consume(length);
        length = undefined;
      }
    },
  };
}

/** A frame as it travels; the payload is not copied. */
export function frameOf(payload: Uint8Array): Uint8ArrayList {
  const header = new Uint8Array(HEADER_BYTES);
  new DataView(header.buffer).setUint32(0, payload.length);
  return new Uint8ArrayList(header, payload);
}
