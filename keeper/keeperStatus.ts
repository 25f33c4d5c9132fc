import type { Address } from "viem";
import type { ChainFollower } from "../protocol/chain/follower.ts";
import type { ChainView } from "./chainView.ts";
import type { Epochs } from "./epochs.ts";
import type { KeeperIdentity } from "./graphql.ts";
import type { KeeperNetwork } from "./network.ts";
import type { Submitter } from "./submit/submitter.ts";

export type KeeperStatus = {
  /** 0 while the operator is not registered. */
  readonly keeperId: number;
  readonly operator: Address;
  readonly peerId: string;
  /** Multiaddr with peer id, as it belongs on chain. */
  readonly endpoint: string;
  readonly url: string;
  readonly epoch: number;
  readonly finalBlock: number;
  readonly lag: number;
  readonly lastCertified: number;
  /** Whether the keeper has another operator key by now and this one has no vote left. */
  readonly operatorReplaced: boolean;
  /** Duties that need no new block to end. */
  readonly pending: number;
  /** Epochs that are challenged or voted on, with the round of the vote (−1 before the cut-off). */
  readonly rounds: readonly { epoch: number; round: number; phase: string }[];
};

/** How far a keeper is, in the forms in which others ask for it. */
export type KeeperProgress = {
  /** Notes a block that was processed; `live` when no later final block is known. */
  processed(block: number, live: boolean): void;
  head(): number;
  /** Whether it has ever been live. */
  isCaughtUp(): boolean;
  pending(): number;
  status(url: string): KeeperStatus;
  identity(): KeeperIdentity;
  /** For other peers. */
  brief(): { keeperId: number; epoch: number; head: number; round: number; version: string };
};

/** Creates it, before the first block. */
export function createKeeperProgress(deps: {
  operator: Address;
  version: string;
  view: ChainView;
  network: Pick<KeeperNetwork, "host">;
  follower: Pick<ChainFollower, "status">;
  epochs: Pick<Epochs, "views" | "pending">;
  submitter: Pick<Submitter, "preparing">;
}): KeeperProgress {
  const { operator, version, view, network, epochs } = deps;
  let head = -1;
  let caughtUp = false;
  const id = () => view.self()?.id ?? 0;
  const rounds = () =>
    epochs.views().map(({ epoch, instance }) => ({
      epoch,
      round: instance?.round ?? -1,
      phase: instance?.phase ?? "challenging",
    }));
  const pending = () => epochs.pending() + deps.submitter.preparing();
  const place = () => ({
    operator,
    peerId: network.host.peerId,
    epoch: view.epoch(),
    finalBlock: head,
    lastCertified: view.state().lastCertified,
  });
  return {
    processed(block, live) {
      head = block;
      caughtUp ||= live;
    },
    head: () => head,
    isCaughtUp: () => caughtUp,
    pending,
    status: (url) => ({
      ...place(),
      keeperId: id(),
      endpoint: network.host.endpoints()[0] ?? "",
      url,
      lag: deps.follower.status().lag,
      operatorReplaced: view.operatorReplaced(),
      pending: pending(),
      rounds: rounds(),
    }),
    identity: () => ({ ...place(), id: id() }),
    brief: () => ({
      keeperId: id(),
      epoch: Math.max(0, view.epoch()),
      head: Math.max(0, head),
      round: rounds().at(-1)?.round ?? -1,
      version,
    }),
  };
}
