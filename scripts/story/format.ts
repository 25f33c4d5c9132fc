const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** Bytes as people read them, in powers of 1000. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${UNITS[unit]}`;
}

/** A whole number with its thousands apart. */
export function formatCount(value: number | bigint): string {
  return value.toLocaleString("en-US");
}

/** Token wei as tokens, with as many digits as matter to a reader. */
export function formatTokens(wei: bigint): string {
  const whole = wei / 10n ** 18n;
  const rest = Number(wei % 10n ** 18n) / 1e18;
  if (whole >= 100n) return formatCount(whole);
  const value = Number(whole) + rest;
  if (value === 0) return "0";
  return value >= 0.01 ? value.toFixed(4) : String(Number(value.toPrecision(3)));
}

/** A change of token wei with its sign, to six digits after the point, so that columns line up. */
export function formatChange(wei: bigint): string {
  const micro = (wei < 0n ? -wei : wei) / 10n ** 12n;
  const digits = (micro % 1_000_000n).toString().padStart(6, "0");
  return `${wei < 0n ? "−" : "+"}${formatCount(micro / 1_000_000n)}.${digits}`;
}
