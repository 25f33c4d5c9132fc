import { decode, encode } from "@ipld/dag-cbor";
import { z } from "zod";

/** Version of the frames themselves; a peer that sends another one is told so by name. */
export const FRAME_VERSION = 1;

const id = z.int().min(0);

const requestFrame = z.strictObject({ v: z.int(), id, method: z.string().max(64), body: z.unknown() });
const cancelFrame = z.strictObject({ v: z.int(), id, cancel: z.literal(true) });
/** Codes of errors as they may travel. */
export const CODE_PATTERN = /^[A-Z][A-Za-z0-9_]{0,95}$/;
/** Characters of an error's message that travel. */
export const MESSAGE_LENGTH = 512;

const errorBody = z.strictObject({
  code: z.string().regex(CODE_PATTERN),
  message: z.string().max(MESSAGE_LENGTH),
  retryable: z.boolean(),
});
const responseFrame = z.union([
  z.strictObject({ v: z.int(), id, body: z.unknown() }),
  z.strictObject({ v: z.int(), id, error: errorBody }),
]);

export type RequestFrame = z.output<typeof requestFrame>;
export type CancelFrame = z.output<typeof cancelFrame>;
export type RemoteError = z.output<typeof errorBody>;
export type ResponseFrame = z.output<typeof responseFrame>;

/** What a server reads; undefined when it is no frame. */
export function decodeRequest(bytes: Uint8Array): RequestFrame | CancelFrame | undefined {
  return parse(z.union([cancelFrame, requestFrame]), bytes);
}

/** What a client reads; undefined when it is no frame. */
export function decodeResponse(bytes: Uint8Array): ResponseFrame | undefined {
  return parse(responseFrame, bytes);
}

/** Bytes of any frame. */
export function encodeFrame(frame: RequestFrame | CancelFrame | ResponseFrame): Uint8Array {
  return encode(frame);
}

/** Decoding hostile bytes may throw anything, a stack overflow by nesting included. */
function parse<Schema extends z.ZodType>(schema: Schema, bytes: Uint8Array): z.output<Schema> | undefined {
  try {
    return schema.parse(decode(bytes));
  } catch {
    return undefined;
  }
}
