const COPIES = 2;

export type PolicyColumns = { readonly policy: string; readonly k: number; readonly m: number };

/** Reads `kind << 16 | k << 8 | m`; the contracts let no other kind than rs (1) and copies (2) through. */
export function describePolicy(encoded: number): PolicyColumns {
  const k = (encoded >> 8) & 0xff;
  const m = encoded & 0xff;
  const policy = encoded >>> 16 === COPIES ? `copies(${k + m})` : `rs(${k},${m})`;
  return { policy, k, m };
}
