import { createSchema, createYoga } from "graphql-yoga";
import type { Hono } from "hono";
import { EXCEPTION_KIND } from "../protocol/certificate.ts";
import { coveredPairs } from "../protocol/results/cover.ts";
import { VERDICT } from "../protocol/results/judge.ts";
import type { ResultLeaf } from "../protocol/results/results.ts";
import type { Epochs, EpochView } from "./epochs.ts";
import { type repairResolvers, repairTypeDefs } from "./graphqlRepairs.ts";
import type { EpochRecord, KeeperStore } from "./store.ts";

/** Epochs of the history that one query may ask for. */
const HISTORY_LIMIT = 100;

const typeDefs = /* GraphQL */ `
  "Live rounds of this keeper and what it remembers of decided epochs. The chain is the truth, not this."
  type Query {
    "This keeper."
    keeper: Keeper!
    "Epochs that are challenged or voted on now, ascending."
    rounds: [Round!]!
    "Decided and certified epochs, newest first."
    epochs(limit: Int = 20): [Epoch!]!
    epoch(epoch: Int!): Epoch
  }
  type Keeper { id: Int!, operator: String!, peerId: String!, epoch: Int!, finalBlock: Int!, lastCertified: Int! }
  type Member { index: Int!, operator: String!, self: Boolean!, leader: Boolean!, inventory: Boolean!, prepared: Boolean!, committed: Boolean!, roundChange: Boolean! }
  type ProviderState {
    provider: Int!
    "Shards asked for."
    shards: Int!
    "(order, slot) pairs of the challenge."
    pairs: Int!
    "Proof held: whole, partial or nothing."
    held: String!
  }
  type Round {
    epoch: Int!
    "Round of the vote, -1 before the cut-off."
    round: Int!
    "opening, challenging, collecting, waiting, preparing, committing or decided."
    phase: String!
    quorum: Int!
    lockedRound: Int
    members: [Member!]!
    providers: [ProviderState!]!
    proofsReceived: Int!
    proofsVerifying: Int!
    decision: Epoch
  }
  type Result { provider: Int!, verdict: String!, coveredPairs: [Int!]!, parts: Int! }
  type Epoch {
    epoch: Int!
    term: Int!
    round: Int!
    leader: Int!
    resultsRoot: String!
    exceptionsRoot: String!
    exceptions: Int!
    absent: [Int!]!
    signers: [Int!]!
    results: [Result!]!
    "Slots that were given up."
    lost: [LostEntry!]!
    "Repair offers that were made."
    offers: [Offer!]!
  }
`;

export type KeeperIdentity = {
  readonly id: number;
  readonly operator: string;
  readonly peerId: string;
  readonly epoch: number;
  readonly finalBlock: number;
  readonly lastCertified: number;
};

/** Mounts GraphQL (and GraphiQL) of live rounds at /graphql. */
export function mountGraphql(
  app: Hono,
  options: {
    keeper: () => KeeperIdentity;
    epochs: Epochs;
    store: KeeperStore;
    quorumOf: (members: number) => number;
    /** Resolvers of `repairTypeDefs`. */
    repairs: ReturnType<typeof repairResolvers>;
  },
): void {
  const { epochs, store } = options;
  const yoga = createYoga({
    schema: createSchema({
      typeDefs: [typeDefs, repairTypeDefs],
      resolvers: {
        Query: {
          ...options.repairs,
          keeper: () => options.keeper(),
          rounds: () =>
            epochs
              .views()
              .sort((a, b) => a.epoch - b.epoch)
              .map((view) => roundOf(view, options.quorumOf)),
          epochs: (_root: unknown, { limit }: { limit: number }) =>
            store.records(Math.max(0, Math.min(limit, HISTORY_LIMIT))).map(epochOf),
          epoch: (_root: unknown, { epoch }: { epoch: number }) => {
            const record = store.record(epoch);
            return record === undefined ? null : epochOf(record);
          },
        },
      },
    }),
    graphqlEndpoint: "/graphql",
    landingPage: false,
    logging: false,
  });
  app.all("/graphql", (context) => yoga.fetch(context.req.raw));
}

function roundOf({ epoch, running, instance, decision }: EpochView, quorumOf: (members: number) => number) {
  const operators = running?.roster.operators ?? [];
  const has = (list: readonly number[] | undefined, index: number) => list?.includes(index) ?? false;
  const providers = (running?.challenge.set ?? []).map(({ provider, pairs }) => {
    const holding = running!.book.holding(provider);
    return {
      provider,
      pairs,
      shards: running!.challenge.byProvider.get(provider)?.shards.length ?? 0,
      held: typeof holding === "string" ? holding : "partial",
    };
  });
  return {
    epoch,
    round: instance?.round ?? -1,
    phase: instance?.phase ?? (running === undefined ? "opening" : "challenging"),
    quorum: quorumOf(operators.length),
    lockedRound: instance?.locked ?? null,
    members: operators.map((operator, index) => ({
      index,
      operator,
      self: index === running?.self,
      leader: index === instance?.leader,
      inventory: has(instance?.inventories, index),
      prepared: has(instance?.prepares, index),
      committed: has(instance?.commits, index),
      roundChange: has(instance?.roundChanges, index),
    })),
    providers,
    proofsReceived: providers.filter(({ held }) => held !== "nothing").length,
    proofsVerifying: running?.collector.pending() ?? 0,
    decision:
      decision === undefined
        ? null
        : epochOf({
            epoch,
            certificate: decision.certificate,
            signers: decision.commits.reduce((bits, { member }) => (bits | (1 << member)) >>> 0, 0),
            signatures: [],
            results: decision.outcome?.results ?? [],
            exceptions: decision.outcome?.exceptionLeaves ?? [],
          }),
  };
}

function epochOf({ epoch, certificate, signers, results, exceptions: leaves }: EpochRecord) {
  const { term, round, leader, resultsRoot, exceptionsRoot, exceptions, absent } = certificate;
  return {
    epoch,
    term,
    round,
    leader,
    resultsRoot,
    exceptionsRoot,
    exceptions,
    absent: bitsOf(absent),
    signers: bitsOf(signers),
    results: results.map(resultOf),
    lost: leaves.flatMap((leaf) =>
      leaf.kind === EXCEPTION_KIND.lost
        ? leaf.content.entries.map((entry) => ({ provider: leaf.provider, ...entry }))
        : [],
    ),
    offers: leaves.flatMap((leaf) => (leaf.kind === EXCEPTION_KIND.offer ? leaf.content : [])),
  };
}

function resultOf({ provider, verdict, cover, parts }: ResultLeaf) {
  return {
    provider,
    verdict: verdict === VERDICT.passed ? "passed" : "missed",
    coveredPairs: coveredPairs(cover),
    parts: parts.length,
  };
}

function bitsOf(bitmap: number): number[] {
  return Array.from({ length: 32 }, (_, bit) => bit).filter((bit) => ((bitmap >>> bit) & 1) === 1);
}
