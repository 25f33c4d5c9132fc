import type { Address } from "viem";
import { type EpochParameters, epochStart } from "./epochs.ts";
import type { FormerOperator, ProviderInfo } from "./groupTypes.ts";

/** Replaced keys that are remembered of one provider: more within an epoch is nobody's honest doing. */
const FORMER_KEPT = 16;

/** The keys that a provider had, after one more was replaced at `until` (seconds of chain time). */
export function withFormer(
  former: readonly FormerOperator[],
  operator: Address,
  until: number,
): readonly FormerOperator[] {
  return [...former, { operator, until }].slice(-FORMER_KEPT);
}

/**
 * Keys that a provider's proof of an epoch may be signed with: its operator at the last block before the start of the
 * epoch, and every one since. What a proof is worth shows in its opening; the signature only says who is asked about it.
 */
export function proofSigners(
  parameters: EpochParameters,
  provider: Pick<ProviderInfo, "operator" | "formerOperators">,
  epoch: number,
): readonly Address[] {
  const start = epochStart(parameters, epoch);
  const former = provider.formerOperators.filter(({ until }) => until >= start);
  return [provider.operator, ...former.map(({ operator }) => operator)];
}
