import type { Hex } from "viem";
import { valueDigest } from "./messageEncoding.ts";
import type { PrepareMessage, ProposalMessage, RoundChangeHead, RoundChangeMessage } from "./messages.ts";

/** What a justified proposal rests on. */
export type Justification = { readonly justified: boolean; readonly locked: boolean };

const UNJUSTIFIED: Justification = { justified: false, locked: false };

/**
 * Whether a proposal may be made in its round. Round 0 needs nothing. A later round needs a quorum of
 * round changes to it; if any of them names a prepared value, the proposal must repeat the value that was
 * prepared in the highest round, and show its quorum of prepares (`locked`).
 */
export function justify(proposal: ProposalMessage, quorum: number): Justification {
  const { epoch, round, roundChanges, prepares } = proposal;
  if (round === 0) {
    return { justified: roundChanges.length === 0 && prepares.length === 0, locked: false };
  }
  const fitting = roundChanges.every((change) => change.epoch === epoch && change.round === round);
  if (!fitting || distinctMembers(roundChanges) < quorum) return UNJUSTIFIED;
  const highest = highestPrepared(roundChanges);
  if (highest === null) return { justified: prepares.length === 0, locked: false };
  const digest = valueDigest(proposal.value);
  if (highest.round >= round || highest.digest !== digest) return UNJUSTIFIED;
  return isPrepared(prepares, { epoch, ...highest }, quorum)
    ? { justified: true, locked: true }
    : UNJUSTIFIED;
}

/** Whether a round change's claim to have prepared is proven by what it carries (or it claims nothing). */
export function isLockProven(change: RoundChangeMessage, quorum: number): boolean {
  const { prepared, lock, epoch, round } = change;
  if (prepared === null || lock === null) return prepared === null && lock === null;
  return (
    prepared.round < round &&
    valueDigest(lock.value) === prepared.digest &&
    isPrepared(lock.prepares, { epoch, ...prepared }, quorum)
  );
}

/** The prepared claim of the highest round, if any. */
export function highestPrepared(changes: readonly RoundChangeHead[]): { round: number; digest: Hex } | null {
  let highest: { round: number; digest: Hex } | null = null;
  for (const { prepared } of changes) {
    if (prepared !== null && (highest === null || prepared.round > highest.round)) highest = prepared;
  }
  return highest;
}

function isPrepared(
  prepares: readonly PrepareMessage[],
  claim: { epoch: number; round: number; digest: Hex },
  quorum: number,
): boolean {
  const fitting = prepares.every(
    ({ epoch, round, digest }) => epoch === claim.epoch && round === claim.round && digest === claim.digest,
  );
  return fitting && distinctMembers(prepares) >= quorum;
}

function distinctMembers(messages: readonly { readonly member: number }[]): number {
  return new Set(messages.map(({ member }) => member)).size;
}
