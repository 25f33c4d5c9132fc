import type { Address, Hex, TypedDataDomain } from "viem";

/** What keepers agree on for one epoch. Of fixed size; everything else hangs from its two roots. */
export type Certificate = {
  readonly term: number;
  readonly epoch: number;
  /** QBFT round that decided, from 0. */
  readonly round: number;
  readonly resultsRoot: Hex;
  readonly exceptionsRoot: Hex;
  /** Leaves under `exceptionsRoot`. */
  readonly exceptions: number;
  /** Bitmap over roster indexes: members whose inventory the proposal lacks. */
  readonly absent: number;
  /** Roster index of the leader of the deciding round. */
  readonly leader: number;
};

/** The commit vote that a keeper signs (EIP-712) is the certificate and its group. */
export const COMMIT_TYPES = {
  Commit: [
    { name: "group", type: "address" },
    { name: "term", type: "uint32" },
    { name: "epoch", type: "uint32" },
    { name: "round", type: "uint32" },
    { name: "resultsRoot", type: "bytes32" },
    { name: "exceptionsRoot", type: "bytes32" },
    { name: "exceptions", type: "uint32" },
    { name: "absent", type: "uint32" },
    { name: "leader", type: "uint8" },
  ],
} as const;

/** Domain of everything that `ChallengeSettlement` verifies. */
export function settlementDomain(chainId: number, group: Address): TypedDataDomain {
  return { name: "memo ChallengeSettlement", version: "1", chainId, verifyingContract: group };
}

/** Kinds of exception leaves, in the order in which they stand under `exceptionsRoot`. */
export const EXCEPTION_KIND = { missed: 1, lost: 2, offer: 3 } as const;

/** Votes that a roster of `members` needs: ⌊2n/3⌋ + 1. */
export function quorumOf(members: number): number {
  return Math.floor((2 * members) / 3) + 1;
}
