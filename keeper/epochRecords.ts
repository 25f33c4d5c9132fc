import type { Certificate } from "../protocol/certificate.ts";
import type { CertificateInfo, GroupState } from "../protocol/chain/groupTypes.ts";
import { type ExceptionLeaf, exceptionsRoot } from "../protocol/results/exceptions.ts";
import type { ResultLeaf } from "../protocol/results/results.ts";
import type { Decision } from "./consensus/effects.ts";
import type { EpochSources } from "./epochSources.ts";
import type { EpochRecord, KeeperStore } from "./store.ts";

/** What this keeper has of decided and certified epochs; what it has not is asked of the other keepers. */
export type EpochRecords = {
  /** Keeps what was decided here. */
  decided(decision: Decision): EpochRecord;
  /**
   * Results of a certified epoch.
   * @throws RESULTS_UNAVAILABLE
   */
  resultsOf(certificate: CertificateInfo): Promise<readonly ResultLeaf[]>;
  /** Exceptions of a certified epoch, if this keeper has them. */
  exceptionsOf(epoch: number): readonly ExceptionLeaf[] | undefined;
  /** Whether everything is there that the certificate stands for. */
  isComplete(certificate: CertificateInfo): boolean;
  /**
   * Sees to it that it is.
   * @throws RESULTS_UNAVAILABLE, EXCEPTIONS_UNAVAILABLE
   */
  complete(certificate: CertificateInfo): Promise<void>;
};

/** Creates the records over a store. */
export function createEpochRecords(deps: {
  state: () => GroupState;
  store: Pick<KeeperStore, "record" | "saveRecord">;
  sources: Pick<EpochSources, "fetchResults" | "fetchExceptions">;
}): EpochRecords {
  const { store, sources } = deps;

  /** The record, unless it is of another certificate than the one on chain. */
  const known = (certificate: Certificate) => {
    const record = store.record(certificate.epoch);
    return record?.certificate.resultsRoot === certificate.resultsRoot ? record : undefined;
  };
  const hasExceptions = (
    record: EpochRecord | undefined,
    { exceptions, exceptionsRoot: root }: Certificate,
  ) => record?.exceptions.length === exceptions && exceptionsRoot(record.exceptions) === root.toLowerCase();

  const resultsOf = async (certificate: CertificateInfo): Promise<readonly ResultLeaf[]> => {
    const record = known(certificate);
    if (record !== undefined) return record.results;
    const results = await sources.fetchResults(certificate);
    store.saveRecord({
      epoch: certificate.epoch,
      certificate: plain(certificate),
      signers: certificate.signers,
      signatures: [],
      results,
      exceptions: [],
    });
    return results;
  };

  return {
    decided({ certificate, commits, outcome }) {
      const record: EpochRecord = {
        epoch: certificate.epoch,
        certificate,
        signers: commits.reduce((bits, { member }) => (bits | (1 << member)) >>> 0, 0),
        signatures: commits.map(({ signature }) => signature),
        results: outcome?.results ?? [],
        exceptions: outcome?.exceptionLeaves ?? [],
      };
      if (outcome !== null) store.saveRecord(record);
      return record;
    },
    resultsOf,
    exceptionsOf(epoch) {
      const certificate = deps.state().certificates.get(epoch);
      const record = certificate === undefined ? undefined : known(certificate);
      return certificate !== undefined && hasExceptions(record, certificate) ? record?.exceptions : undefined;
    },
    isComplete: (certificate) => hasExceptions(known(certificate), certificate),
    async complete(certificate) {
      await resultsOf(certificate);
      if (hasExceptions(known(certificate), certificate)) return;
      const exceptions = await sources.fetchExceptions(certificate);
      store.saveRecord({ ...known(certificate)!, exceptions });
    },
  };
}

function plain(certificate: CertificateInfo): Certificate {
  const { term, epoch, round, resultsRoot, exceptionsRoot: root, exceptions, absent, leader } = certificate;
  return { term, epoch, round, resultsRoot, exceptionsRoot: root, exceptions, absent, leader };
}
