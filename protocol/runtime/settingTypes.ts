import { z } from "zod";

/** A whole number in [min, max], typed or as JSON. */
export function integerSetting(min: number, max: number) {
  const allowed = `a whole number from ${min} to ${max}`;
  return z
    .union([z.number(), z.string().regex(/^-?\d+$/, `expected ${allowed}`)], { error: `expected ${allowed}` })
    .transform(Number)
    .refine((value) => Number.isSafeInteger(value) && value >= min && value <= max, `expected ${allowed}`);
}

/** TCP port; 0 lets the system choose. */
export const portSetting = integerSetting(0, 65_535);

/** Number of bytes; takes the suffixes KiB, MiB, GiB, TiB. */
export const bytesSetting = z.union([z.number(), z.string()]).transform((value, context) => {
  const match = /^(\d+)\s*(B|KiB|MiB|GiB|TiB)?$/.exec(String(value).trim());
  const power = ["B", "KiB", "MiB", "GiB", "TiB"].indexOf(match?.[2] ?? "B");
  const bytes = Number(match?.[1]) * 1024 ** power;
  if (match !== null && Number.isSafeInteger(bytes)) return bytes;
  context.addIssue('expected bytes, such as 1048576 or "20 GiB"');
  return z.NEVER;
});

/** `true` or `false`, also `1` and `0`. */
export const booleanSetting = z
  .union([z.boolean(), z.enum(["true", "false", "1", "0"])], { error: "expected true or false" })
  .transform((value) => value === true || value === "true" || value === "1");

/** `http:` or `https:` address of a service. */
export const urlSetting = z
  .string()
  .refine(
    (value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol),
    "expected an http(s) URL",
  );

/** A file or directory; relative ones are relative to the working directory. */
export const pathSetting = z.string().min(1, "expected a path");

/** Logger levels. */
export const logLevelSetting = z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"], {
  error: "expected one of trace, debug, info, warn, error, fatal, silent",
});

/** Token wei. */
export const amountSetting = z
  .union([z.bigint(), z.string().regex(/^\d+$/, "expected a whole number of token wei")], {
    error: "expected a whole number of token wei",
  })
  .transform((value) => BigInt(value));

/** 32 bytes as hex. */
export const hex32Setting = z.templateLiteral(
  ["0x", z.string().regex(/^[0-9a-fA-F]{64}$/)],
  "expected 32 bytes as hex",
);

/** Address of an account or contract. */
export const addressSetting = z.templateLiteral(
  ["0x", z.string().regex(/^[0-9a-fA-F]{40}$/)],
  "expected an address",
);
