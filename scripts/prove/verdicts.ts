/** What the model checker found out about a property. */
export type Verdict = "proven" | "violated" | "unknown";

/** One message of the compiler. */
export interface Finding {
  readonly message: string;
  readonly sourceLocation?: { readonly file: string; readonly start: number };
}

export interface Property {
  readonly name: string;
  readonly verdict: Verdict;
  readonly checks: number;
}

interface Body {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly asserts: number;
}

/** From worst to best: a property is what the worst of its checks is. */
const ORDER: readonly Verdict[] = ["violated", "unknown", "proven"];

/** `undefined` for messages that are about no check. */
export function verdictOf({ message }: Finding): Verdict | undefined {
  if (!message.startsWith("BMC: ")) return undefined;
  if (message.includes("check is safe!")) return "proven";
  return message.includes("happens here") ? "violated" : "unknown";
}

/** Functions of a source and how many assertions each makes. */
export function bodiesOf(source: string): Body[] {
  const starts = [...source.matchAll(/\bfunction (\w+)/g)];
  return starts.map((match, i) => {
    const end = starts[i + 1]?.index ?? source.length;
    const asserts = source.slice(match.index, end).match(/\bassert\(/g)?.length ?? 0;
    return { name: match[1] ?? "", start: match.index, end, asserts };
  });
}

/**
 * A row for each function of the harness, and one for the arithmetic of each library that it calls. A function is
 * proven when the checker speaks of each of its assertions: one that it left out is unknown.
 */
export function propertiesOf(file: string, source: string, findings: readonly Finding[]): Property[] {
  const checks = findings.flatMap((finding) => {
    const verdict = verdictOf(finding);
    const at = finding.sourceLocation;
    return verdict && at ? [{ ...at, verdict, isAssert: finding.message.includes("Assertion") }] : [];
  });
  const functions = bodiesOf(source).map(({ name, start, end, asserts }) => {
    const own = checks.filter((it) => it.file === file && it.start >= start && it.start < end);
    const isComplete = asserts > 0 && own.filter((it) => it.isAssert).length >= asserts;
    const verdict = worst([...own.map((it) => it.verdict), ...(isComplete ? [] : ["unknown" as const])]);
    return { name, verdict, checks: own.length };
  });
  const libraries = [...new Set(checks.map((it) => it.file))].filter((it) => it !== file).sort();
  return [
    ...functions,
    ...libraries.map((library) => {
      const own = checks.filter((it) => it.file === library);
      const name = `arithmetic of ${library.replace(/^.*\//, "")}`;
      return { name, verdict: worst(own.map((it) => it.verdict)), checks: own.length };
    }),
  ];
}

function worst(verdicts: readonly Verdict[]): Verdict {
  return ORDER.find((it) => verdicts.includes(it)) ?? "unknown";
}
