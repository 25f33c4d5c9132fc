import type { BenchRow } from "./row.ts";

function number(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}

/** The rows as one plain table; columns are as wide as their widest cell. */
export function formatTable(rows: readonly BenchRow[]): string {
  const cells = rows.map((row) => [
    row.area,
    row.name,
    `${number(row.value)} ${row.unit}`,
    row.goal === undefined ? "" : `${row.goal}${row.met === undefined ? "" : row.met ? "  ✓" : "  ✗"}`,
    row.compared ?? "",
  ]);
  const table = [["area", "what", "measured", "goal", "compared with"], ...cells];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (i === 2 ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join("  ")
      .trimEnd();
  const [head = [], ...body] = table;
  return [line(head), widths.map((width) => "─".repeat(width)).join("  "), ...body.map(line)].join("\n");
}
