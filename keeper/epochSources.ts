import type { Address, LocalAccount } from "viem";
import type { CertificateInfo, Roster } from "../protocol/chain/groupTypes.ts";
import type { Points } from "../protocol/kzg/points.ts";
import type { ExceptionLeaf } from "../protocol/results/exceptions.ts";
import type { ResultLeaf } from "../protocol/results/results.ts";
import type { Logger } from "../protocol/runtime/logger.ts";
import type { ProofMessage } from "../protocol/wire/proofMessage.ts";
import type { ChainView } from "./chainView.ts";
import type { EpochChallenge } from "./challenge/challenges.ts";
import { type Collector, createCollector } from "./challenge/collector.ts";
import { createEpochProofs, type EpochProofs } from "./challenge/epochProofs.ts";
import type { OpeningsCache } from "./challenge/openings.ts";
import type { VoteSigner } from "./consensus/driver.ts";
import { createVoteSigner } from "./consensus/voteSigner.ts";
import type { Edge } from "./edge.ts";
import type { KeeperMetrics } from "./metrics.ts";
import type { KeeperNetwork } from "./network.ts";
import type { Peers } from "./peers.ts";
import { fetchExceptions, fetchResults } from "./results.ts";
import type { KeeperStore } from "./store.ts";

/** Milliseconds that one call for proofs may take. */
const PROOFS_MS = 5_000;
/** Providers whose proofs one call asks for. */
const PROOFS_PER_CALL = 256;

/** Where epochs get from what they do not make themselves. */
export type EpochSources = {
  signerOf(roster: Roster): VoteSigner;
  /** Opens book and collector of an epoch. */
  openEpoch(challenge: EpochChallenge, signal: AbortSignal): { book: EpochProofs; collector: Collector };
  fetchResults(certificate: CertificateInfo): Promise<readonly ResultLeaf[]>;
  fetchExceptions(certificate: CertificateInfo): Promise<readonly ExceptionLeaf[]>;
  /** Proof messages of providers as a roster member has them. */
  fetchProofs(roster: Roster, member: number, epoch: number, providers: number[]): Promise<ProofMessage[]>;
  /** Asks a provider for its answer, after the cut-off was slept through. */
  askProvider(provider: number, epoch: number): Promise<ProofMessage>;
};

/** Creates the sources: this keeper's account and store, and the network. */
export function createEpochSources(deps: {
  chainId: number;
  group: Address;
  account: LocalAccount;
  points: Points;
  openings: OpeningsCache;
  store: KeeperStore;
  view: ChainView;
  network: KeeperNetwork;
  peers: Peers;
  edge: Edge;
  metrics: KeeperMetrics;
  signal: AbortSignal;
  logger: Logger;
}): EpochSources {
  const { chainId, group, account, store, view, network, edge, metrics, signal, logger } = deps;
  const signers = new Map<string, VoteSigner>();
  return {
    signerOf(roster) {
      const key = roster.operators.join();
      const signer =
        signers.get(key) ??
        createVoteSigner({ domain: { chainId, group }, account, roster: roster.operators });
      signers.set(key, signer);
      return signer;
    },
    openEpoch(challenge, epochSignal) {
      const book = createEpochProofs(challenge, store);
      const collector = createCollector({
        chainId,
        group,
        challenge,
        book,
        openings: deps.openings,
        points: deps.points,
        state: view.state,
        events: {
          accepted: () => metrics.proofs.inc({ outcome: "valid" }),
          refused: (_provider, code) => metrics.proofs.inc({ outcome: code }),
          verified: (_proofs, milliseconds) => metrics.verifySeconds.observe(milliseconds / 1_000),
        },
        signal: epochSignal,
        logger,
      });
      return { book, collector };
    },
    fetchResults: (certificate) =>
      fetchResults({ certificate, endpoints: view.otherKeepers(), client: network.keepers, signal }),
    fetchExceptions: (certificate) =>
      fetchExceptions({ certificate, endpoints: view.otherKeepers(), client: network.keepers, signal }),
    async fetchProofs(roster, member, epoch, providers) {
      const endpoint = deps.peers.endpointOf(roster, member);
      if (endpoint === undefined || !edge.hearsKeeper(roster.keeperIds[member])) return [];
      const request = { epoch, providers: providers.slice(0, PROOFS_PER_CALL) };
      const options = { signal, timeoutMs: PROOFS_MS };
      const { proofs } = await network.keepers.call(endpoint, "getProofs", request, options);
      return proofs.filter(({ provider }) => edge.hearsProvider(provider));
    },
    async askProvider(provider, epoch) {
      edge.assertHeard(provider);
      const endpoint = view.state().providers.get(provider)?.endpoint ?? "";
      const options = { signal, timeoutMs: PROOFS_MS };
      return (await network.providers.call(endpoint, "getProof", { epoch }, options)).proof;
    },
  };
}
