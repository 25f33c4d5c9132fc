import type { CertificateInfo } from "../../protocol/chain/groupTypes.ts";
import { MemoError } from "../../protocol/errors.ts";
import { resultsRoot } from "../../protocol/results/results.ts";
import type { KeeperMethods, ResultLeafMessage } from "../../protocol/wire/keeper.ts";
import type { RequestOf, ResponseOf } from "../../protocol/wire/protocol.ts";

const PAGE = 1_024;
/** More results than an epoch can have: a keeper that names more is not believed. */
const MOST_RESULTS = 1_048_576;

/** Asks one keeper for a page of an epoch's results. */
export type GetResults = (
  endpoint: string,
  request: RequestOf<KeeperMethods, "getResults">,
) => Promise<ResponseOf<KeeperMethods, "getResults">>;

/**
 * The cover that keepers certified for this provider, from the first keeper whose leaves have the
 * certificate's root. An empty cover means that nothing was covered; undefined that it was not judged.
 * @throws RESULTS_UNAVAILABLE (retryable)
 */
export async function fetchCover(of: {
  certificate: CertificateInfo;
  providerId: number;
  endpoints: readonly string[];
  getResults: GetResults;
}): Promise<Uint8Array | undefined> {
  const { certificate, providerId } = of;
  const reasons: string[] = [];
  for (const endpoint of of.endpoints) {
    try {
      const leaves = await fetchLeaves(of.getResults, endpoint, certificate.epoch);
      if (resultsRoot(leaves) === certificate.resultsRoot.toLowerCase()) {
        return leaves.find((leaf) => leaf.provider === providerId)?.cover;
      }
      reasons.push("leaves of another root");
    } catch (error) {
      reasons.push(error instanceof MemoError ? error.code : String(error));
    }
  }
  throw new MemoError(
    "RESULTS_UNAVAILABLE",
    `No keeper gave the certified results of epoch ${certificate.epoch}; they are asked again at the next block.`,
    { details: { epoch: certificate.epoch, reasons }, retryable: true },
  );
}

async function fetchLeaves(getResults: GetResults, endpoint: string, epoch: number) {
  const leaves: ResultLeafMessage[] = [];
  for (;;) {
    const page = await getResults(endpoint, { epoch, from: leaves.length, count: PAGE });
    leaves.push(...page.leaves);
    if (leaves.length >= page.total) return leaves;
    if (page.leaves.length === 0 || page.total > MOST_RESULTS) {
      throw new MemoError("RESULTS_UNAVAILABLE", "The keeper's pages of results do not end.", {
        details: { endpoint, epoch },
      });
    }
  }
}
