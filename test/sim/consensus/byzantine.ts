import { valueDigest } from "../../../keeper/consensus/messageEncoding.ts";
import type {
  ConsensusMessage,
  Draft,
  InventoryMessage,
  ProposalMessage,
  RoundChangeMessage,
  Value,
} from "../../../keeper/consensus/messages.ts";
import { leaderOf } from "../../../keeper/consensus/schedule.ts";
import {
  certificateOf,
  composeValue,
  evaluateValue,
  type InstanceContext,
  isBacked,
} from "../../../keeper/consensus/value.ts";
import { quorumOf } from "../../../protocol/certificate.ts";
import type { Holding } from "../../../protocol/results/cover.ts";
import type { Random } from "../random.ts";
import type { SimBook } from "./world.ts";

/**
 * `withholding` votes but never proposes nor says what it holds; `wrongRoot` commits to other exceptions than
 * those that follow; the others as they are called.
 */
export type ByzantineStyle =
  | "silent"
  | "equivocating"
  | "falseMissed"
  | "twoFaced"
  | "noisy"
  | "withholding"
  | "wrongRoot";
/** Those that do the most harm, and that a schedule draws from. */
export const RANDOM_STYLES: readonly ByzantineStyle[] = [
  "silent",
  "equivocating",
  "falseMissed",
  "twoFaced",
  "noisy",
];
export const BYZANTINE_STYLES: readonly ByzantineStyle[] = [...RANDOM_STYLES, "withholding", "wrongRoot"];

/** A keeper that breaks the rules. It can sign only for itself, and repeat what others signed. */
export type Byzantine = { start(): void; receive(message: ConsensusMessage): void; tick(): void };

/** Creates one; `sign` signs as this member, `send` reaches one member. */
export function createByzantine(options: {
  context: InstanceContext;
  style: ByzantineStyle;
  /** Holds every proof that exists. */
  book: SimBook;
  random: Random;
  sign: (draft: Draft) => ConsensusMessage;
  send: (to: number, message: ConsensusMessage) => void;
}): Byzantine {
  const { context, style, book, random, sign, send } = options;
  const { epoch, members, self, seed } = context;
  const quorum = quorumOf(members);
  const others = Array.from({ length: members }, (_, index) => index).filter((index) => index !== self);
  const inventories = new Map<string, InventoryMessage>();
  const changes = new Map<number, Map<number, RoundChangeMessage>>();
  const seen: ConsensusMessage[] = [];
  const proposed = new Set<number>();

  const split = (a: ConsensusMessage, b: ConsensusMessage) => {
    for (const member of others) {
      // Some get the one, some the other, a few get both.
      const draw = random.below(5);
      if (draw !== 0) send(member, draw <= 2 ? a : b);
      else for (const message of random.shuffle([a, b])) send(member, message);
    }
  };
  const toAll = (message: ConsensusMessage) => {
    for (const member of others) send(member, message);
  };
  const inventory = (holdings: readonly Holding[]) =>
    sign({ type: "inventory", epoch, member: self, holdings }) as InventoryMessage;

  function values(): Value[] {
    const own = inventory(context.set.map(() => "nothing"));
    const byMember = new Map<number, InventoryMessage>([[self, own]]);
    for (const message of random.shuffle([...inventories.values()])) {
      if (message.member !== self && isBacked(context, book, message.holdings)) {
        byMember.set(message.member, message);
      }
    }
    if (byMember.size < quorum) return [];
    const drawn = () =>
      composeValue(context, book, random.shuffle([...byMember.values()]).slice(0, quorum + random.below(2)));
    return [drawn(), drawn()];
  }

  function propose(round: number): void {
    if (style === "withholding" || leaderOf(seed, round, members) !== self || proposed.has(round)) return;
    const justification = [...(changes.get(round)?.values() ?? [])];
    if (round > 0 && justification.length < quorum) return;
    // It pretends that nobody had prepared whenever a quorum of the round changes allows it.
    const innocent = justification.filter(({ prepared }) => prepared === null);
    const roundChanges = (innocent.length >= quorum ? innocent : justification).map(
      ({ type, epoch: at, round: to, prepared, member, signature }) =>
        ({ type, epoch: at, round: to, prepared, member, signature }) as const,
    );
    const [a, b] = values();
    if (a === undefined || b === undefined) return;
    proposed.add(round);
    const make = (value: Value) =>
      sign({ type: "proposal", epoch, round, value, roundChanges, prepares: [], member: self });
    if (style === "noisy") toAll(make({ ...a, proofs: [] }));
    else split(make(a), make(b));
    voteFor(round, a);
    voteFor(round, b);
  }

  function voteFor(round: number, value: Value): void {
    const prepare = sign({ type: "prepare", epoch, round, digest: valueDigest(value), member: self });
    for (const member of others) if (random.chance(0.8)) send(member, prepare);
    try {
      const leader = leaderOf(seed, round, members);
      const outcome = evaluateValue(context, value);
      const wrong = { exceptionsRoot: `0x${"66".repeat(32)}`, exceptions: outcome.exceptions + 1 } as const;
      const said = style === "wrongRoot" ? { ...outcome, ...wrong } : outcome;
      const certificate = certificateOf(context, said, round, leader);
      const commit = sign({ type: "commit", epoch, certificate, member: self });
      for (const member of others) if (random.chance(0.7)) send(member, commit);
    } catch {
      // A value that nobody can evaluate gets no commit.
    }
  }

  function changeRound(round: number): void {
    const handed = { inventories: [...inventories.values()].slice(0, members), proofs: [] };
    toAll(sign({ type: "roundChange", epoch, round, prepared: null, lock: null, handed, member: self }));
  }

  function receiveProposal(message: ProposalMessage): void {
    if (style !== "silent") voteFor(message.round, message.value);
  }

  return {
    start() {
      if (style === "silent" || style === "withholding") return;
      const none = inventory(context.set.map(() => "nothing"));
      const full = inventory(context.set.map(() => "whole"));
      if (style === "falseMissed" || style === "wrongRoot") toAll(none);
      else split(none, full);
    },
    receive(message) {
      if (style === "silent") return;
      seen.push(message);
      if (message.type === "inventory") {
        inventories.set(`${message.member}/${String(message.holdings)}`, message);
        propose(0);
      }
      if (message.type === "proposal") receiveProposal(message);
      if (message.type === "roundChange") {
        const round = changes.get(message.round) ?? new Map<number, RoundChangeMessage>();
        changes.set(message.round, round.set(message.member, message));
        if (!round.has(self)) {
          const own = {
            type: "roundChange",
            epoch,
            round: message.round,
            prepared: null,
            lock: null,
          } as const;
          const signed = sign({ ...own, handed: { inventories: [], proofs: [] }, member: self });
          round.set(self, signed as RoundChangeMessage);
          if (random.chance(0.7)) toAll(signed);
        }
        propose(message.round);
      }
    },
    tick() {
      if (style === "silent") return;
      if (style === "noisy" && random.chance(0.3)) changeRound(random.below(8));
      // Replays whatever it has seen, to whomever.
      for (let replays = random.below(4); replays > 0 && seen.length > 0; replays--) {
        send(random.pick(others), random.pick(seen));
      }
    },
  };
}
