import type { Address } from "viem";

/** Most bytes of a gossiped proof: one part per (order, slot) at worst. */
export const PROOF_TOPIC_BYTES = 24_576;
/** Most bytes of a gossiped vote; proposals go over direct streams. */
export const VOTE_TOPIC_BYTES = 65_536;

/** Gossip topics of a group. */
export function topicsOf(chainId: number, group: Address): { proofs: string; votes: string } {
  const base = `/memo/1/${chainId}/${group.toLowerCase()}`;
  return { proofs: `${base}/proofs`, votes: `${base}/votes` };
}
