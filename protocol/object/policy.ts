import { MAX_SLOTS } from "../constants.ts";
import { MemoError } from "../errors.ts";

/** How many shards a stripe has and how many of them suffice to read it. */
export type Policy = {
  readonly kind: "rs" | "copies";
  /** Shards that carry payload; any `k` of the `n` rebuild a stripe. */
  readonly k: number;
  /** Shards that may be lost. */
  readonly m: number;
  /** Slots of an order: `k + m`. */
  readonly n: number;
};

const KIND_CODES = { rs: 1, copies: 2 } as const;
const FORMS = "write rs(k,m), for example rs(6,3), or copies(n), for example copies(3)";

function invalid(text: string, reason: string): MemoError<"POLICY_INVALID"> {
  return new MemoError(
    "POLICY_INVALID",
    `The policy ${text} ${reason}: ${FORMS}, with at most ${MAX_SLOTS} slots.`,
    {
      details: { policy: text },
    },
  );
}

function makePolicy(kind: Policy["kind"], k: number, m: number, text: string): Policy {
  if (k < 1) throw invalid(text, "keeps no data");
  if (kind === "rs" && m < 1) throw invalid(text, "has no parity");
  if (m < 0) throw invalid(text, "keeps no copy");
  if (k + m > MAX_SLOTS) throw invalid(text, `has ${k + m} slots`);
  return { kind, k, m, n: k + m };
}

/**
 * Reads `rs(k,m)` or `copies(n)`.
 * @throws MemoError `POLICY_INVALID`
 */
export function parsePolicy(text: string): Policy {
  const rs = /^rs\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)$/.exec(text.trim());
  if (rs) return makePolicy("rs", Number(rs[1]), Number(rs[2]), text);
  const copies = /^copies\(\s*(\d{1,3})\s*\)$/.exec(text.trim());
  if (copies) return makePolicy("copies", 1, Number(copies[1]) - 1, text);
  throw invalid(JSON.stringify(text), "is not understood");
}

/** The text that {@link parsePolicy} reads. */
export function formatPolicy(policy: Policy): string {
  return policy.kind === "rs" ? `rs(${policy.k},${policy.m})` : `copies(${policy.n})`;
}

/** The `uint32` of `Order.policy`: `kind << 16 | k << 8 | m`. */
export function encodePolicy(policy: Policy): number {
  return (KIND_CODES[policy.kind] << 16) | (policy.k << 8) | policy.m;
}

/**
 * Reads the `uint32` of `Order.policy`.
 * @throws MemoError `POLICY_INVALID` also for codes that no text stands for
 */
export function decodePolicy(code: number): Policy {
  const text = `0x${code.toString(16)}`;
  const kind = code >>> 16;
  const k = (code >>> 8) & 0xff;
  const m = code & 0xff;
  if (kind === KIND_CODES.rs) return makePolicy("rs", k, m, text);
  if (kind === KIND_CODES.copies && k === 1) return makePolicy("copies", k, m, text);
  throw invalid(text, "is of no known kind");
}
