import type { CertificateInfo } from "../protocol/chain/groupTypes.ts";
import { MemoError } from "../protocol/errors.ts";
import type { RpcClient } from "../protocol/net/rpcClient.ts";
import type { ExceptionLeaf } from "../protocol/results/exceptions.ts";
import { type ResultLeaf, resultsRoot } from "../protocol/results/results.ts";
import { checkExceptions } from "../protocol/wire/exceptionMessage.ts";
import { EXCEPTIONS_PER_PAGE, type KeeperMethods, RESULTS_PER_PAGE } from "../protocol/wire/keeper.ts";

/** More leaves than an epoch can have: a keeper that names more is not believed. */
const MOST_LEAVES = 1_048_576;
const PAGE_MS = 10_000;

type Source = {
  readonly certificate: CertificateInfo;
  readonly endpoints: readonly string[];
  readonly client: RpcClient<KeeperMethods>;
  readonly signal: AbortSignal;
};

/**
 * The leaves of a certified epoch from the first keeper whose leaves have the certificate's root.
 * @throws RESULTS_UNAVAILABLE (retryable)
 */
export function fetchResults(of: Source): Promise<readonly ResultLeaf[]> {
  const { epoch, resultsRoot: root } = of.certificate;
  return fromAnyone(of, "RESULTS_UNAVAILABLE", "results", async (endpoint) => {
    const leaves = await allPages((from) =>
      of.client.call(
        endpoint,
        "getResults",
        { epoch, from, count: RESULTS_PER_PAGE },
        { signal: of.signal, timeoutMs: PAGE_MS },
      ),
    );
    if (resultsRoot(leaves) === root.toLowerCase()) return leaves;
    throw new MemoError("RESULTS_WRONG", "The keeper's results are not those that were certified.");
  });
}

/**
 * The exceptions of a certified epoch with what their hashes stand for, from the first keeper that has them.
 * @throws EXCEPTIONS_UNAVAILABLE (retryable)
 */
export function fetchExceptions(of: Source): Promise<readonly ExceptionLeaf[]> {
  const { epoch } = of.certificate;
  return fromAnyone(of, "EXCEPTIONS_UNAVAILABLE", "exceptions", async (endpoint) => {
    const messages = await allPages((from) =>
      of.client.call(
        endpoint,
        "getExceptions",
        { epoch, from, count: EXCEPTIONS_PER_PAGE },
        { signal: of.signal, timeoutMs: PAGE_MS },
      ),
    );
    return checkExceptions(messages, of.certificate);
  });
}

async function allPages<Leaf>(
  page: (from: number) => Promise<{ readonly leaves: readonly Leaf[]; readonly total: number }>,
): Promise<Leaf[]> {
  const all: Leaf[] = [];
  for (;;) {
    const { leaves, total } = await page(all.length);
    all.push(...leaves);
    if (all.length >= total) return all;
    if (leaves.length === 0 || total > MOST_LEAVES) {
      throw new MemoError("PAGES_ENDLESS", "The keeper's pages do not end.");
    }
  }
}

async function fromAnyone<Leaf>(
  { certificate, endpoints, signal }: Source,
  code: string,
  what: string,
  ask: (endpoint: string) => Promise<readonly Leaf[]>,
): Promise<readonly Leaf[]> {
  const reasons: string[] = [];
  for (const endpoint of endpoints) {
    try {
      return await ask(endpoint);
    } catch (error) {
      signal.throwIfAborted();
      reasons.push(error instanceof MemoError ? error.code : String(error));
    }
  }
  throw new MemoError(
    code,
    `No keeper gave the certified ${what} of epoch ${certificate.epoch}; they are asked again.`,
    { details: { epoch: certificate.epoch, reasons }, retryable: true },
  );
}
