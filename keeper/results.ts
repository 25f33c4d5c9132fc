import type { CertificateInfo } from "../protocol/chain/groupTypes.ts";
import { MemoError } from "../protocol/errors.ts";
import type { RpcClient } from "../protocol/net/rpcClient.ts";
import { type ResultLeaf, resultsRoot } from "../protocol/results/results.ts";
import { type KeeperMethods, RESULTS_PER_PAGE } from "../protocol/wire/keeper.ts";

/** More results than an epoch can have: a keeper that names more is not believed. */
const MOST_RESULTS = 1_048_576;

/**
 * The leaves of a certified epoch from the first keeper whose leaves have the certificate's root.
 * @throws RESULTS_UNAVAILABLE (retryable)
 */
export async function fetchResults(of: {
  certificate: CertificateInfo;
  endpoints: readonly string[];
  client: RpcClient<KeeperMethods>;
  signal: AbortSignal;
}): Promise<readonly ResultLeaf[]> {
  const { epoch, resultsRoot: root } = of.certificate;
  const reasons: string[] = [];
  for (const endpoint of of.endpoints) {
    try {
      const leaves: ResultLeaf[] = [];
      for (;;) {
        const request = { epoch, from: leaves.length, count: RESULTS_PER_PAGE };
        const page = await of.client.call(endpoint, "getResults", request, {
          signal: of.signal,
          timeoutMs: 10_000,
        });
        leaves.push(...page.leaves);
        if (leaves.length >= page.total) break;
        if (page.leaves.length === 0 || page.total > MOST_RESULTS) {
          throw new MemoError("RESULTS_UNAVAILABLE", "The keeper's pages of results do not end.");
        }
      }
      if (resultsRoot(leaves) === root.toLowerCase()) return leaves;
      reasons.push("leaves of another root");
    } catch (error) {
      of.signal.throwIfAborted();
      reasons.push(error instanceof MemoError ? error.code : String(error));
    }
  }
  throw new MemoError(
    "RESULTS_UNAVAILABLE",
    `No keeper gave the certified results of epoch ${epoch}; they are asked again.`,
    { details: { epoch, reasons }, retryable: true },
  );
}
