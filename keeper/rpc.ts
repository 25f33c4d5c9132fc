import type { GroupState } from "../protocol/chain/groupTypes.ts";
import { MemoError } from "../protocol/errors.ts";
import type { RpcHandlers } from "../protocol/net/rpcServer.ts";
import { messageOfLeaf } from "../protocol/wire/exceptionMessage.ts";
import { type KeeperMethods, PROOFS_PER_PAGE } from "../protocol/wire/keeper.ts";
import type { OpeningsPuller } from "./challenge/pull.ts";
import type { EpochInbox } from "./epochInbox.ts";
import type { EpochRecords } from "./epochRecords.ts";
import type { Epochs } from "./epochs.ts";
import type { Reports } from "./reports.ts";
import type { KeeperStore } from "./store.ts";

/** What a keeper answers to providers, to other keepers and to whoever checks certificates. */
export function createKeeperHandlers(options: {
  inbox: EpochInbox;
  epochs: Pick<Epochs, "views">;
  store: KeeperStore;
  records: Pick<EpochRecords, "exceptionsOf">;
  reports: Reports;
  puller: OpeningsPuller;
  state: () => GroupState;
  /** Only keepers of the group are served openings: they cost a call to the provider. */
  isKeeperPeer: (peer: string) => boolean;
  status: () => { keeperId: number; epoch: number; head: number; round: number; version: string };
}): RpcHandlers<KeeperMethods> {
  const { epochs, store } = options;
  return {
    async deliver({ message }) {
      await options.inbox.receive(message);
      return {};
    },
    async submitProof({ proof }) {
      await options.inbox.submitProof(proof);
      return {};
    },
    getResults({ epoch, from, count }) {
      const record = store.record(epoch);
      if (record === undefined) {
        throw new MemoError("RESULTS_UNKNOWN", `This keeper has no results of epoch ${epoch}.`, {
          details: { epoch },
          retryable: true,
        });
      }
      const leaves = record.results.slice(from, from + count);
      return {
        leaves: leaves.map((leaf) => ({ ...leaf, parts: [...leaf.parts] })),
        total: record.results.length,
      };
    },
    getExceptions({ epoch, from, count }) {
      const leaves = options.records.exceptionsOf(epoch);
      if (leaves === undefined) {
        throw new MemoError(
          "EXCEPTIONS_UNKNOWN",
          `This keeper has no certified exceptions of epoch ${epoch}.`,
          {
            details: { epoch },
            retryable: true,
          },
        );
      }
      return { leaves: leaves.slice(from, from + count).map(messageOfLeaf), total: leaves.length };
    },
    async reportShard(report) {
      await options.reports.report(report);
      return {};
    },
    getProofs({ epoch, providers }) {
      const proofs = providers.flatMap((provider) => store.messages(epoch, provider));
      return { proofs: proofs.slice(0, PROOFS_PER_PAGE) };
    },
    async getOpenings(request, { peer }) {
      if (!options.isKeeperPeer(peer)) {
        throw new MemoError("NOT_A_KEEPER", "Openings are served to keepers of the group only.");
      }
      const { epoch, provider } = request;
      const running = epochs.views().find((view) => view.epoch === epoch)?.running;
      const total = running?.challenge.byProvider.get(provider)?.shards.length ?? 0;
      const { points, orders } = await options.puller.serve(request);
      return {
        points,
        orders: orders.map(({ orderId, multiproof }) => ({ orderId, multiproof: [...multiproof] })),
        total,
      };
    },
    status: () => ({ ...options.status(), lastCertified: options.state().lastCertified }),
  };
}
