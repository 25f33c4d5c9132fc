import { type Books, holdingsOf } from "../books.ts";
import { formatChange } from "../format.ts";
import type { Terminal } from "../terminal.ts";

/** What a party has more (or less) than before the first byte was stored, token wei. */
export interface MoneyRow {
  who: string;
  /** What it did, where that explains the change. */
  part: string;
  change: bigint;
}

/** Everybody whose tokens changed, who lost most first; the changes add up to nothing. */
export function compareBooks(before: Books, after: Books, partOf: (party: string) => string): MoneyRow[] {
  const had = holdingsOf(before);
  const has = holdingsOf(after);
  return [...new Set([...had.keys(), ...has.keys()])]
    .map((who) => ({ who, part: partOf(who), change: (has.get(who) ?? 0n) - (had.get(who) ?? 0n) }))
    .filter(({ change }) => change !== 0n)
    .sort((a, b) => (a.change < b.change ? -1 : 1));
}

/** Shows the table. */
export function tellMoney(terminal: Terminal, rows: readonly MoneyRow[]): void {
  const width = Math.max(...rows.map(({ who }) => who.length));
  for (const { who, part, change } of rows) {
    terminal.note(`${who.padEnd(width)} ${formatChange(change).padStart(14)}  ${part}`.trimEnd());
  }
}
