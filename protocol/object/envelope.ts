import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import { MemoError } from "../errors.ts";
import { concatBytes } from "./rechunk.ts";

/** Source of random bytes; injected, so that tests can repeat themselves. */
export type RandomBytes = (length: number) => Uint8Array;

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Bytes that {@link sealEnvelope} adds. */
export const ENVELOPE_OVERHEAD = NONCE_BYTES + TAG_BYTES;

const utf8 = new TextEncoder();

/** HKDF-SHA-256 to 32 bytes. `purpose` keeps keys of different uses apart. */
export function deriveKey(
  secret: Uint8Array,
  purpose: string,
  salt: Uint8Array = new Uint8Array(0),
): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", secret, salt, utf8.encode(purpose), 32));
}

/** AES-256-GCM with a random nonce: nonce ‖ ciphertext ‖ tag. `label` and `binding` are authenticated, not stored. */
export function sealEnvelope(
  plain: Uint8Array,
  options: { key: Uint8Array; label: string; binding?: Uint8Array; random: RandomBytes },
): Uint8Array {
  const nonce = options.random(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", options.key, nonce);
  cipher.setAAD(concatBytes([utf8.encode(options.label), options.binding ?? new Uint8Array(0)]));
  const body = cipher.update(plain);
  cipher.final();
  return concatBytes([nonce, body, cipher.getAuthTag()]);
}

/**
 * Opens what {@link sealEnvelope} made.
 * @throws MemoError `ENVELOPE_INVALID` when key, label, binding or any byte differs
 */
export function openEnvelope(
  sealed: Uint8Array,
  options: { key: Uint8Array; label: string; binding?: Uint8Array },
): Uint8Array {
  const refuse = (cause?: unknown) =>
    new MemoError(
      "ENVELOPE_INVALID",
      `The sealed ${options.label} does not open: it is of another key or was changed.`,
      {
        cause,
      },
    );
  if (sealed.length < ENVELOPE_OVERHEAD) throw refuse();
  const decipher = createDecipheriv("aes-256-gcm", options.key, sealed.subarray(0, NONCE_BYTES));
  decipher.setAAD(concatBytes([utf8.encode(options.label), options.binding ?? new Uint8Array(0)]));
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  const body = decipher.update(sealed.subarray(NONCE_BYTES, sealed.length - TAG_BYTES));
  try {
    decipher.final();
  } catch (cause) {
    throw refuse(cause);
  }
  return new Uint8Array(body);
}
