import { type Hex, keccak256, stringToBytes } from "viem";
import type { Effect } from "../../../keeper/consensus/effects.ts";
import { createInstance, type Instance } from "../../../keeper/consensus/machine.ts";
import { valueDigest } from "../../../keeper/consensus/messageEncoding.ts";
import type {
  CommitMessage,
  ConsensusMessage,
  InventoryMessage,
  PrepareMessage,
  Value,
  Vote,
} from "../../../keeper/consensus/messages.ts";
import { leaderOf } from "../../../keeper/consensus/schedule.ts";
import {
  certificateOf,
  composeValue,
  evaluateValue,
  type InstanceContext,
} from "../../../keeper/consensus/value.ts";
import type { Holding } from "../../../protocol/results/cover.ts";
import { createBook, type SimBook, type SimProvider } from "../../sim/consensus/world.ts";

export const EPOCH = 5;
export const MEMBERS = 4;
export const PROVIDERS: readonly SimProvider[] = [
  { provider: 1, pairs: 1, conduct: "good" },
  { provider: 2, pairs: 3, conduct: "flaky" },
];
export const SEED: Hex = keccak256(stringToBytes("fixture"));

export function contextOf(self: number): InstanceContext {
  return {
    epoch: EPOCH,
    term: 0,
    seed: SEED,
    members: MEMBERS,
    self,
    set: PROVIDERS.map(({ provider, pairs }) => ({ provider, pairs })),
    masked: 0,
    plan: () => ({ lost: [], offers: [] }),
    timing: { collectMs: 100, demandMs: 50, roundMs: 1_000 },
  };
}

export function leader(round: number): number {
  return leaderOf(SEED, round, MEMBERS);
}

/** A member that leads neither of the first two rounds. */
export function follower(): number {
  return [0, 1, 2, 3].find((member) => member !== leader(0) && member !== leader(1))!;
}

export function fullBook(): SimBook {
  const book = createBook(PROVIDERS);
  for (const { provider } of PROVIDERS) book.addWhole(provider);
  return book;
}

export function signature(member: number): Uint8Array {
  return new Uint8Array(64).fill(member + 1);
}

export function inventory(
  member: number,
  holdings: readonly Holding[] = ["whole", "whole"],
): InventoryMessage {
  return { type: "inventory", epoch: EPOCH, member, holdings, signature: signature(member) };
}

export function valueBy(members: readonly number[], holdings?: readonly Holding[]): Value {
  return composeValue(
    contextOf(0),
    fullBook(),
    members.map((member) => inventory(member, holdings)),
  );
}

export function prepare(member: number, round: number, value: Value): PrepareMessage {
  return {
    type: "prepare",
    epoch: EPOCH,
    round,
    digest: valueDigest(value),
    member,
    signature: signature(member),
  };
}

export function commit(member: number, round: number, value: Value): CommitMessage {
  const certificate = certificateOf(contextOf(0), evaluateValue(contextOf(0), value), round, leader(round));
  return { type: "commit", epoch: EPOCH, certificate, member, signature: signature(member) };
}

export function proposal(round: number, value: Value, justification: object = {}): ConsensusMessage {
  return {
    type: "proposal",
    epoch: EPOCH,
    round,
    value,
    roundChanges: [],
    prepares: [],
    member: leader(round),
    signature: signature(leader(round)),
    ...justification,
  };
}

/** An instance that signs at once, and remembers what it asked for. */
export function started(
  self: number,
  book: SimBook = fullBook(),
  create = createInstance,
  context = contextOf(self),
) {
  const instance: Instance = create(context, book);
  const effects: Effect[] = [];
  const votes: Vote[] = [];
  const feed = (input: Parameters<Instance["handle"]>[0]) => {
    for (const effect of instance.handle(input)) {
      effects.push(effect);
      if (effect.type !== "vote") continue;
      const message = { ...effect.draft, signature: signature(self) } as Vote;
      votes.push(message);
      feed({ type: "message", message });
    }
  };
  feed({ type: "start" });
  return {
    instance,
    effects,
    votes,
    feed,
    receive: (message: ConsensusMessage) => feed({ type: "message", message }),
    voted: (type: Vote["type"]) => votes.filter((vote) => vote.type === type),
    notes: () => effects.flatMap((effect) => (effect.type === "note" ? [effect.reason] : [])),
  };
}
