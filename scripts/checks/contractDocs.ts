import { type InterfaceMember, noticeOf, type Parameter } from "./interfaces.ts";

/** Pages of `docs/contracts`, and the interfaces of which each says everything. */
export const CONTRACT_PAGES: Readonly<Record<string, readonly string[]>> = {
  Staking: ["IStaking", "IPermitCalls"],
  StorageOrders: ["IStorageOrders"],
  Allowances: ["IAllowances"],
  ChallengeSettlement: ["IChallengeSettlement"],
  Disputes: ["IDisputes"],
  Repairs: ["IRepairs"],
  GroupFactory: ["IGroupFactory", "IGroup"],
  StoreRegistry: ["IStoreRegistry"],
  RollupInbox: ["IRollupInbox"],
  MemoToken: ["IMemoToken"],
};

const START = (kind: string) => `<!-- ${kind}: written by scripts/contractDocs.ts -->`;
const END = "<!-- end -->";

/** The page with its tables of events and errors as the interfaces' NatSpec has them. */
export function withTables(page: string, members: readonly InterfaceMember[]): string {
  return filled(filled(page, "events", eventTable(members)), "errors", errorTable(members));
}

/** Functions that a page does not mention as `name(`, or names in a list of views. */
export function functionsMissing(page: string, members: readonly InterfaceMember[]): readonly string[] {
  const words = new Set(codeSpans(page).flatMap((span) => span.match(/\w+/g) ?? []));
  return members.filter(({ kind, name }) => kind === "function" && !words.has(name)).map(({ name }) => name);
}

/** Calls and CamelCase names in a page's code, and functions in its tables, that are nothing that there is. */
export function namesUnknown(page: string, known: ReadonlySet<string>): readonly string[] {
  const chapter = /^## Functions$([\s\S]*?)^## /m.exec(page)?.[1] ?? "";
  const firstCells = chapter.split("\n").map((line) => line.split("|")[1] ?? "");
  const names = [
    ...codeSpans(firstCells.join("\n")).map((span) => /^\w+/.exec(span)?.[0] ?? span),
    ...codeSpans(page).flatMap((span) => [
      ...[...span.matchAll(/\b([A-Za-z_]\w*)\(/g)].map((match) => match[1]!),
      ...(/^[A-Z][a-z]+[A-Z]\w*$/.test(span) ? [span] : []),
    ]),
  ];
  return [...new Set(names)].filter((name) => !known.has(name));
}

function codeSpans(page: string): readonly string[] {
  const prose = page.replace(/```[\s\S]*?```/g, "");
  return [...prose.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
}

function filled(page: string, kind: string, table: string): string {
  const from = page.indexOf(START(kind));
  if (from < 0) return page;
  const to = page.indexOf(END, from);
  return `${page.slice(0, from)}${START(kind)}\n${table}\n${page.slice(to)}`;
}

function eventTable(members: readonly InterfaceMember[]): string {
  const rows = members
    .filter(({ kind }) => kind === "event")
    .map(({ name, parameters, comment }) => {
      const [indexed, data] = [true, false].map((is) => list(parameters.filter((it) => it.indexed === is)));
      return `| \`${name}\` | ${indexed} | ${data} | ${noticeOf(comment)} |`;
    });
  return ["| event | indexed | data | meaning |", "|---|---|---|---|", ...rows].join("\n");
}

function errorTable(members: readonly InterfaceMember[]): string {
  const rows = members
    .filter(({ kind }) => kind === "error")
    .map(({ name, parameters, comment }) => {
      const values = parameters.map((parameter) => parameter.name).join(", ");
      return `| \`${name}(${values})\` | ${noticeOf(comment)} |`;
    });
  return ["| error | when |", "|---|---|", ...rows].join("\n");
}

function list(parameters: readonly Parameter[]): string {
  return parameters.length === 0 ? "" : parameters.map(({ name }) => name).join(", ");
}
