/** Bytes of code that a chain takes (EIP-170). */
export const CODE_BYTES_MAX = 24_576;

const bytes = (value: number) => value.toLocaleString("en-US").padStart(7);

/** Sizes with the room that is left, and how they changed. */
export function formatSizes(sizes: Record<string, number>, before: Record<string, number>): string {
  const width = Math.max(...Object.keys(sizes).map((name) => name.length));
  const rows = Object.entries(sizes).map(([name, size]) => {
    const change = size - (before[name] ?? size);
    const changed =
      change === 0 ? "" : `  ${change > 0 ? "+" : "−"}${Math.abs(change).toLocaleString("en-US")}`;
    return `${name.padEnd(width)}  ${bytes(size)}  ${bytes(CODE_BYTES_MAX - size)}${changed}`;
  });
  return [`${"".padEnd(width)}  ${"bytes".padStart(7)}  ${"left".padStart(7)}`, ...rows].join("\n");
}
