import type { Condition } from "./instrument.ts";

/** What of one file ran. */
export interface FileCoverage {
  readonly file: string;
  readonly lines: number;
  readonly linesRun: number;
  readonly missedLines: readonly number[];
  readonly branches: number;
  readonly branchesRun: number;
  /** Outcomes of conditions that no test saw, as "12 if never false: a == b". */
  readonly missedBranches: readonly string[];
}

/** Least shares of what must run, in percent. */
export const LEAST = { lines: 98, branches: 95 } as const;

/** Lines of each file of an lcov report and whether they ran. */
export function parseLcov(text: string): Map<string, Map<number, boolean>> {
  const files = new Map<string, Map<number, boolean>>();
  let lines = new Map<number, boolean>();
  for (const record of text.split("\n")) {
    const [key, value = ""] = record.split(/:(.*)/s);
    if (key === "SF") {
      lines = new Map();
      files.set(value, lines);
    } else if (key === "DA") {
      const [line, count] = value.split(",").map(Number);
      lines.set(line!, count! > 0);
    }
  }
  return files;
}

/** One entry per file that has lines or conditions, ordered by name. */
export function coverageOf(
  lcov: ReadonlyMap<string, ReadonlyMap<number, boolean>>,
  conditions: readonly Condition[],
  seen: ReadonlySet<string>,
): FileCoverage[] {
  const names = new Set([...lcov.keys(), ...conditions.map(({ file }) => file)]);
  return [...names].sort().map((file) => {
    const lines = [...(lcov.get(file) ?? [])];
    const missedLines = lines.filter(([, ran]) => !ran).map(([line]) => line);
    const own = conditions.filter((condition) => condition.file === file);
    const missedBranches = own.flatMap(({ line, kind, text, whenTrue, whenFalse }) =>
      (
        [
          ["true", whenTrue],
          ["false", whenFalse],
        ] as const
      )
        .filter(([, id]) => !seen.has(id))
        .map(([outcome]) => `${line} ${kind} never ${outcome}: ${text}`),
    );
    return {
      ...{ file, lines: lines.length, linesRun: lines.length - missedLines.length },
      missedLines: missedLines.sort((a, b) => a - b),
      ...{ branches: 2 * own.length, branchesRun: 2 * own.length - missedBranches.length, missedBranches },
    };
  });
}

/** The sum over files. */
export function totalOf(files: readonly FileCoverage[]) {
  const sum = (key: "lines" | "linesRun" | "branches" | "branchesRun") =>
    files.reduce((total, file) => total + file[key], 0);
  return {
    lines: percent(sum("linesRun"), sum("lines")),
    branches: percent(sum("branchesRun"), sum("branches")),
  };
}

/** Share of `all` in percent; of nothing, all. */
function percent(part: number, all: number): number {
  return all === 0 ? 100 : (100 * part) / all;
}

/** The table, without what each file misses. */
export function formatCoverage(files: readonly FileCoverage[]): string {
  const total = totalOf(files);
  const cell = (part: number, all: number) =>
    `${percent(part, all).toFixed(1).padStart(6)} % ${`(${part} of ${all})`.padEnd(14)}`;
  const width = Math.max(...files.map(({ file }) => file.length));
  const rows = files.map(
    (it) => `${it.file.padEnd(width)}  ${cell(it.linesRun, it.lines)}  ${cell(it.branchesRun, it.branches)}`,
  );
  const goal = (share: number, least: number) => `${share >= least ? "✓" : "✗"} at least ${least} %`;
  return [
    `${"".padEnd(width)}  ${"lines".padEnd(23)}  branches`,
    ...rows.map((row) => row.trimEnd()),
    "",
    `lines     ${total.lines.toFixed(2)} %  ${goal(total.lines, LEAST.lines)}`,
    `branches  ${total.branches.toFixed(2)} %  ${goal(total.branches, LEAST.branches)}`,
  ].join("\n");
}

/** What no test ran, file by file. */
export function formatMissed(files: readonly FileCoverage[]): string {
  return files
    .filter(({ missedLines, missedBranches }) => missedLines.length + missedBranches.length > 0)
    .map(({ file, missedLines, missedBranches }) =>
      [
        file,
        ...(missedLines.length === 0 ? [] : [`  lines ${missedLines.join(", ")}`]),
        ...missedBranches.map((branch) => `  ${branch}`),
      ].join("\n"),
    )
    .join("\n");
}
