import { MemoError } from "../errors.ts";
import { assertHolding, coverBytes, fullCover, type Holding, isFullCover } from "./cover.ts";

/** One provider of an epoch's set; `pairs` = distinct (order, slot) pairs of its challenge. */
export type ChallengedProvider = { readonly provider: number; readonly pairs: number };

/** A keeper's inventory: one holding per provider of the set, ascending id. */
export type Inventory = { readonly member: number; readonly holdings: readonly Holding[] };

export const VERDICT = { passed: 1, missed: 2 } as const;
export type Verdict = (typeof VERDICT)[keyof typeof VERDICT];

/** What a set of inventories says about one provider. */
export type Judgement = {
  readonly provider: number;
  readonly verdict: Verdict;
  /** Bitmap over the challenge's (order, slot) pairs by first appearance. */
  readonly cover: Uint8Array;
  /** Proofs that the cover rests on: the whole proof, or one per covered pair in ascending order. */
  readonly proof: "whole" | "pairs" | "none";
};

/**
 * Judges every provider of the set by a set of inventories: its cover is whole if any inventory says whole,
 * else the union of the pairs they name; it missed iff its cover is not whole. A pure function of signed
 * data, so that proofs which arrive late cannot change it.
 *
 * @throws MemoError INVENTORY_MALFORMED | INVENTORY_REPEATED | HOLDING_MALFORMED
 */
export function judge(
  set: readonly ChallengedProvider[],
  inventories: readonly Inventory[],
): readonly Judgement[] {
  assertInventories(set, inventories);
  return set.map(({ provider, pairs }, index) => {
    const holdings = inventories.map((inventory) => inventory.holdings[index]!);
    return judgeProvider(provider, pairs, holdings);
  });
}

/** Bitmap over `members` of those of whom no inventory is among `inventories`. */
export function absentMembers(members: number, inventories: readonly Inventory[]): number {
  let absent = members === 32 ? 0xffffffff : 2 ** members - 1;
  for (const { member } of inventories) absent = (absent & ~(1 << member)) >>> 0;
  return absent;
}

function judgeProvider(provider: number, pairs: number, holdings: readonly Holding[]): Judgement {
  if (holdings.includes("whole")) {
    return { provider, verdict: VERDICT.passed, cover: fullCover(pairs), proof: "whole" };
  }
  const cover = new Uint8Array(coverBytes(pairs));
  for (const holding of holdings) {
    if (typeof holding === "string") continue;
    for (let at = 0; at < cover.length; at++) cover[at]! |= holding[at]!;
  }
  const proof = cover.some((byte) => byte !== 0) ? "pairs" : "none";
  return { provider, verdict: isFullCover(cover, pairs) ? VERDICT.passed : VERDICT.missed, cover, proof };
}

function assertInventories(set: readonly ChallengedProvider[], inventories: readonly Inventory[]): void {
  const members = new Set<number>();
  for (const { member, holdings } of inventories) {
    if (members.has(member)) {
      throw new MemoError(
        "INVENTORY_REPEATED",
        `Member ${member} has more than one inventory here; keep one.`,
        {
          details: { member },
        },
      );
    }
    members.add(member);
    if (holdings.length !== set.length) {
      throw new MemoError(
        "INVENTORY_MALFORMED",
        `The inventory of member ${member} has ${holdings.length} entries for a set of ${set.length} providers.`,
        { details: { member, entries: holdings.length, providers: set.length } },
      );
    }
    for (const [index, holding] of holdings.entries()) assertHolding(holding, set[index]!.pairs);
  }
}
