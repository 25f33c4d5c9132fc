import type { Hex } from "viem";
import { type Certificate, quorumOf } from "../../protocol/certificate.ts";
import { MemoError } from "../../protocol/errors.ts";
import { coveredPairs, type Holding } from "../../protocol/results/cover.ts";
import {
  type ExceptionLeaf,
  type ExceptionPlan,
  exceptionsOf,
  exceptionsRoot,
} from "../../protocol/results/exceptions.ts";
import {
  absentMembers,
  type ChallengedProvider,
  type Judgement,
  judge,
} from "../../protocol/results/judge.ts";
import { type ResultLeaf, resultLeaf, resultsRoot } from "../../protocol/results/results.ts";
import type { ProofPart } from "../../protocol/wire/proofMessage.ts";
import type { HeldProof, InventoryMessage, Value } from "./messages.ts";

/** What all members know of an epoch's instance. */
export type InstanceContext = {
  readonly epoch: number;
  readonly term: number;
  readonly seed: Hex;
  /** Members of the roster. */
  readonly members: number;
  /** Roster index of this keeper. */
  readonly self: number;
  /** Providers of the set, ascending id. */
  readonly set: readonly ChallengedProvider[];
  /** Bitmap of members whose votes are void, as of the cut-off; the quorum stays. */
  readonly masked: number;
  /** Lost slots and repair offers that follow from the verdicts: the same for every member. */
  readonly plan: (judgements: readonly Judgement[]) => ExceptionPlan;
  /** Milliseconds of local time. */
  readonly timing: {
    /** How long the leader of round 0 waits for inventories beyond a quorum; same grace in later rounds. */
    readonly collectMs: number;
    /** Inventories received this soon after the start must be in a proposal. */
    readonly demandMs: number;
    /** Time-out of round 0; doubles from round to round. */
    readonly roundMs: number;
  };
};

/** Proofs that this keeper has verified. Equal challenges have equal proofs, so bytes can be compared. */
export type ProofBook = {
  holding(provider: number): Holding;
  whole(provider: number): ProofPart | undefined;
  part(provider: number, pair: number): ProofPart | undefined;
};

/** What a value means: all of it recomputed from the inventories and proofs it carries. */
export type Outcome = Pick<Certificate, "resultsRoot" | "exceptionsRoot" | "exceptions" | "absent"> & {
  readonly results: readonly ResultLeaf[];
  readonly exceptionLeaves: readonly ExceptionLeaf[];
};

/** Whether a member's votes are void. */
export function isMasked({ masked }: Pick<InstanceContext, "masked">, member: number): boolean {
  return ((masked >>> member) & 1) === 1;
}

/** Whether the book backs every entry of the inventory, so that a proposal may carry it. */
export function isBacked(context: InstanceContext, book: ProofBook, holdings: readonly Holding[]): boolean {
  return missingProofs(context, book, holdings).length === 0;
}

/** Entries of the inventory that the book does not back. */
export function missingProofs(
  context: InstanceContext,
  book: ProofBook,
  holdings: readonly Holding[],
): { provider: number; holding: Holding }[] {
  const missing: { provider: number; holding: Holding }[] = [];
  for (const [index, { provider }] of context.set.entries()) {
    const holding = holdings[index] ?? "nothing";
    const backed =
      holding === "nothing" ||
      (holding === "whole"
        ? book.whole(provider) !== undefined
        : coveredPairs(holding).every((pair) => book.part(provider, pair) !== undefined));
    if (!backed) missing.push({ provider, holding });
  }
  return missing;
}

/** Value over backed inventories: they themselves, and once each the proofs that their cover needs. */
export function composeValue(
  context: InstanceContext,
  book: ProofBook,
  inventories: readonly InventoryMessage[],
): Value {
  const sorted = [...inventories].sort((a, b) => a.member - b.member);
  const proofs: HeldProof[] = [];
  for (const judgement of judge(context.set, sorted)) {
    const { provider } = judgement;
    const pairs = pairsNeeded(judgement);
    if (pairs === "whole") proofs.push({ provider, pairs, parts: [book.whole(provider)!] });
    else if (pairs.length > 0) {
      proofs.push({ provider, pairs, parts: pairs.map((pair) => book.part(provider, pair)!) });
    }
  }
  return { inventories: sorted, proofs };
}

/**
 * Recomputes what a value means. Signatures of its inventories and its proofs are checked elsewhere.
 * @throws VALUE_INVALID, INVENTORY_MALFORMED, INVENTORY_REPEATED, HOLDING_MALFORMED
 */
export function evaluateValue(context: InstanceContext, value: Value): Outcome {
  const { inventories, proofs } = value;
  if (inventories.length < quorumOf(context.members)) throw invalid("it has fewer inventories than a quorum");
  for (const [index, { epoch, member }] of inventories.entries()) {
    if (epoch !== context.epoch) throw invalid("an inventory is of another epoch");
    if (member >= context.members) throw invalid("an inventory is of no member");
    if (isMasked(context, member)) throw invalid("an inventory is of a member whose votes are void");
    if (index > 0 && inventories[index - 1]!.member >= member) throw invalid("inventories are not ascending");
  }
  const judgements = judge(context.set, inventories);
  const rest = proofs.values();
  const results = judgements.map((judgement) => {
    const pairs = pairsNeeded(judgement);
    if (pairs.length === 0) return resultLeaf(judgement, []);
    const proof = rest.next().value;
    if (proof?.provider !== judgement.provider)
      throw invalid(`the proof of provider ${judgement.provider} is not there`);
    const wanted = pairs === "whole" ? 1 : pairs.length;
    if (proof.parts.length !== wanted || String(proof.pairs) !== String(pairs)) {
      throw invalid(`the proof of provider ${judgement.provider} is not what its cover needs`);
    }
    return resultLeaf(judgement, proof.parts);
  });
  if (!rest.next().done) throw invalid("it has proofs that no inventory names");
  const exceptionLeaves = exceptionsOf(judgements, context.plan(judgements));
  return {
    results,
    exceptionLeaves,
    resultsRoot: resultsRoot(results),
    exceptionsRoot: exceptionsRoot(exceptionLeaves),
    exceptions: exceptionLeaves.length,
    absent: absentMembers(context.members, inventories),
  };
}

/** Proofs of the value that the book does not hold byte for byte, so that they must be verified. */
export function unverifiedProofs(book: ProofBook, proofs: readonly HeldProof[]): HeldProof[] {
  return proofs.filter(({ provider, pairs, parts }) =>
    parts.some((part, index) => {
      const known = pairs === "whole" ? book.whole(provider) : book.part(provider, pairs[index]!);
      return known === undefined || !samePart(known, part);
    }),
  );
}

/** Inventories with the proofs that they name, for handing on; those that the book cannot back are left out. */
export function handOver(
  context: InstanceContext,
  book: ProofBook,
  inventories: readonly InventoryMessage[],
): Value {
  const backed = inventories.filter(({ holdings }) => isBacked(context, book, holdings));
  const proofs: HeldProof[] = [];
  for (const [index, { provider }] of context.set.entries()) {
    const named = backed.map(({ holdings }) => holdings[index]!);
    if (named.includes("whole")) proofs.push({ provider, pairs: "whole", parts: [book.whole(provider)!] });
    const pairs = [...new Set(named.flatMap((held) => (typeof held === "string" ? [] : coveredPairs(held))))];
    if (pairs.length > 0) {
      pairs.sort((a, b) => a - b);
      proofs.push({ provider, pairs, parts: pairs.map((pair) => book.part(provider, pair)!) });
    }
  }
  return { inventories: backed.sort((a, b) => a.member - b.member), proofs };
}

/** Certificate of an outcome in a round. */
export function certificateOf(
  context: InstanceContext,
  outcome: Outcome,
  round: number,
  leader: number,
): Certificate {
  const { resultsRoot: results, exceptionsRoot: exceptions } = outcome;
  return {
    term: context.term,
    epoch: context.epoch,
    round,
    resultsRoot: results,
    exceptionsRoot: exceptions,
    exceptions: outcome.exceptions,
    absent: outcome.absent,
    leader,
  };
}

/** Whether a certificate says what the outcome says. */
export function certifies(certificate: Certificate, outcome: Outcome): boolean {
  return (
    certificate.resultsRoot === outcome.resultsRoot &&
    certificate.exceptionsRoot === outcome.exceptionsRoot &&
    certificate.exceptions === outcome.exceptions &&
    certificate.absent === outcome.absent
  );
}

function pairsNeeded(judgement: Judgement): "whole" | number[] {
  return judgement.proof === "whole" ? "whole" : coveredPairs(judgement.cover);
}

function samePart(a: ProofPart, b: ProofPart): boolean {
  return Buffer.compare(a.y, b.y) === 0 && Buffer.compare(a.proof, b.proof) === 0;
}

function invalid(reason: string): MemoError {
  return new MemoError("VALUE_INVALID", `A proposal was refused: ${reason}.`, { details: { reason } });
}
