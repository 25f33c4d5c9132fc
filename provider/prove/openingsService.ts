import { buildOpenings } from "../../protocol/challenge/openings.ts";
import { shardKey } from "../../protocol/challenge/sample.ts";
import { MemoError } from "../../protocol/errors.ts";
import type { RequestOf, ResponseOf } from "../../protocol/wire/protocol.ts";
import type { ProviderMethods } from "../../protocol/wire/provider.ts";
import type { TokenBuckets } from "../read/tokenBucket.ts";
import type { ProviderStore } from "../store/store.ts";
import type { Caller } from "../upload/uploadAccess.ts";
import { storedAnswer } from "./answer.ts";
import { decodeChallenge, withCommitments } from "./challenge.ts";
import type { OrderTrees } from "./orderTrees.ts";

export type OpeningsDeps = {
  store: ProviderStore;
  treeOf: OrderTrees;
  buckets: TokenBuckets;
  /** Whether a peer is the host of a registered keeper. */
  isKeeper(peer: string): boolean;
  /** Whether the proof of an epoch must not leave yet. */
  holdsBack?(epoch: number): boolean;
};

/**
 * Serves keepers what verifies the proof of an epoch, by page.
 * @throws NOT_A_KEEPER, PROOF_UNKNOWN, RATE_LIMITED
 */
export function createGetOpenings(deps: OpeningsDeps) {
  return async (
    request: RequestOf<ProviderMethods, "getOpenings">,
    caller: Caller,
  ): Promise<ResponseOf<ProviderMethods, "getOpenings">> => {
    assertKeeper(deps, caller);
    const { epoch, from, count } = request;
    const answer = deps.store.answers.get(epoch);
    if (answer === undefined) throw unknownProof(epoch);
    const challenge = decodeChallenge(answer.openings);
    const page = challenge.slice(from, from + count);
    deps.buckets.take([`peer ${caller.peer}`], page.length * 128);
    const points = new Map(withCommitments(deps.store, page).map((held) => [shardKey(held), held.point]));
    const openings = buildOpenings({
      shards: page,
      pointOf: (shard) => points.get(shardKey(shard)) ?? new Uint8Array(),
      treeOf: deps.treeOf,
    });
    const orders = openings.orders.map(({ orderId, multiproof }) => ({
      orderId,
      multiproof: [...multiproof],
    }));
    return { points: openings.points, orders, total: challenge.length };
  };
}

/**
 * Gives keepers the proof of an epoch again.
 * @throws NOT_A_KEEPER, PROOF_UNKNOWN
 */
export function createGetProof(deps: OpeningsDeps) {
  return async (
    { epoch }: RequestOf<ProviderMethods, "getProof">,
    caller: Caller,
  ): Promise<ResponseOf<ProviderMethods, "getProof">> => {
    assertKeeper(deps, caller);
    const proof = deps.holdsBack?.(epoch) ? undefined : storedAnswer(deps.store, epoch);
    if (proof === undefined) throw unknownProof(epoch);
    return { proof };
  };
}

function assertKeeper(deps: OpeningsDeps, caller: Caller): void {
  if (deps.isKeeper(caller.peer)) return;
  throw new MemoError("NOT_A_KEEPER", "Only hosts of registered keepers get this.", {
    details: { peer: caller.peer },
  });
}

function unknownProof(epoch: number): MemoError {
  return new MemoError("PROOF_UNKNOWN", `This provider has made no proof in epoch ${epoch}.`, {
    details: { epoch },
    retryable: true,
  });
}
