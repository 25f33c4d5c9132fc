import { z } from "zod";

/** Any bytes. */
export const anyBytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, "is not bytes");

/** Exactly `length` bytes. */
export const bytes = (length: number) =>
  anyBytes.refine((value) => value.length === length, `is not ${length} bytes long`);
