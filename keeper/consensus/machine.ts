import type { Hex } from "viem";
import { type Certificate, quorumOf } from "../../protocol/certificate.ts";
import { MemoError } from "../../protocol/errors.ts";
import { createAnswers } from "./answers.ts";
import { certificateKey, commitsTo } from "./certificates.ts";
import type { Effect, Input, InstanceView, Phase, Restored } from "./effects.ts";
import { createInventoryPool } from "./inventories.ts";
import { justify } from "./justification.ts";
import { valueDigest } from "./messageEncoding.ts";
import type {
  CommitMessage,
  ConsensusMessage,
  DecidedMessage,
  InventoryMessage,
  Lock,
  PrepareMessage,
  ProposalMessage,
  RoundChangeMessage,
  Value,
} from "./messages.ts";
import { resume } from "./resume.ts";
import { createRoundChanges, type RoundGrounds } from "./roundChanges.ts";
import { leaderOf, roundTimeout } from "./schedule.ts";
import { createTally } from "./tally.ts";
import {
  certificateOf,
  certifies,
  composeValue,
  evaluateValue,
  handOver,
  type InstanceContext,
  isMasked,
  missingProofs,
  type Outcome,
  type ProofBook,
  unverifiedProofs,
} from "./value.ts";

/** Rounds ahead of its own whose proposals a member keeps. */
const ROUNDS_AHEAD = 64;
/** Round 0 needs no round changes. */
const NO_GROUNDS: RoundGrounds = { value: undefined, prepares: [], heads: [] };
/** QBFT for one epoch: no input or output of its own, no clock, no randomness. */
export type Instance = {
  /** Takes one input and says what is to be done, in order. */
  handle(input: Input): readonly Effect[];
  view(): InstanceView;
};

type Candidate = {
  readonly digest: Hex;
  readonly value: Value;
  readonly outcome: Outcome;
  /** Repeats a prepared value, so that it need not have every inventory. */
  readonly locked: boolean;
  state: "new" | "verifying" | "valid" | "refused";
};

/** Creates the instance of an epoch, or resumes it from what the journal kept. */
export function createInstance(context: InstanceContext, book: ProofBook, restored?: Restored): Instance {
  const { epoch, members, self, seed, timing } = context;
  const quorum = quorumOf(members);
  const voting = Array.from({ length: members }, (_, at) => at).filter((at) => !isMasked(context, at)).length;
  const pool = createInventoryPool(context, book);
  const prepares = createTally<PrepareMessage>();
  const commits = createTally<CommitMessage>();
  const roundChanges = createRoundChanges(members, quorum);
  const candidates = new Map<number, Candidate>();
  const answers = createAnswers(self);
  const { signed, ...resumed } = resume(restored?.drafts ?? []);

  let round = resumed.round;
  let lock: Lock | null = restored?.lock ?? null;
  let waited = false;
  let decided: DecidedMessage | null = null;
  let decidedCertificate: Certificate | null = null;
  let out: Effect[] = [];

  const leader = (at: number) => leaderOf(seed, at, members);
  const note = (what: "equivocation" | "refused", member: number, at: number, reason: string) =>
    out.push({ type: "note", what, member, round: at, reason });

  function start(): void {
    if (!resumed.inventory) {
      const holdings = context.set.map(({ provider }) => book.holding(provider));
      out.push({ type: "vote", draft: { type: "inventory", epoch, member: self, holdings } });
    }
    // What was signed before a crash is signed again, byte for byte: others may not have received it.
    for (const draft of resumed.again) out.push({ type: "vote", draft });
    if ((restored?.drafts.length ?? 0) > 0) {
      out.push({ type: "vote", draft: { type: "sync", epoch, round, member: self } });
    }
    out.push({ type: "timer", name: "demand", round: 0, ms: timing.demandMs });
    out.push({ type: "timer", name: "collect", round, ms: timing.collectMs });
    out.push({ type: "timer", name: "round", round, ms: roundTimeout(timing.roundMs, round) });
  }

  function enterRound(next: number, announce: boolean): void {
    round = next;
    waited = false;
    out.push({ type: "timer", name: "collect", round, ms: timing.collectMs });
    out.push({ type: "timer", name: "round", round, ms: roundTimeout(timing.roundMs, round) });
    if (announce) {
      const prepared = lock === null ? null : { round: lock.round, digest: lock.digest };
      out.push({
        type: "vote",
        draft: {
          type: "roundChange",
          epoch,
          round,
          prepared,
          member: self,
          lock: lock === null ? null : { value: lock.value, prepares: [...lock.prepares] },
          handed: lock === null ? handOver(context, book, pool.all()) : { inventories: [], proofs: [] },
        },
      });
    }
    consider();
  }

  function onInventory(message: InventoryMessage): void {
    const added = pool.add(message);
    if (added === "conflict") note("equivocation", message.member, 0, "two inventories");
    if (added === "malformed") note("refused", message.member, 0, "inventory of another set");
    if (added !== "kept") return;
    const wants = missingProofs(context, book, message.holdings);
    if (wants.length > 0 && message.member !== self) out.push({ type: "fetch", from: message.member, wants });
    propose();
  }

  function onProposal(message: ProposalMessage): void {
    const { member, value } = message;
    if (message.round < round || message.round > round + ROUNDS_AHEAD) return;
    if (member !== leader(message.round))
      return void note("refused", member, message.round, "not the leader");
    const digest = valueDigest(value);
    const earlier = candidates.get(message.round);
    if (earlier !== undefined) {
      if (earlier.digest !== digest) note("equivocation", member, message.round, "two proposals");
      return;
    }
    if ([...message.roundChanges, ...message.prepares].some((vote) => isMasked(context, vote.member)))
      return void note("refused", member, message.round, "rests on void votes");
    const { justified, locked } = justify(message, quorum);
    if (!justified) return void note("refused", member, message.round, "not justified");
    const outcome = evaluate(value, member, message.round);
    if (outcome === null) return;
    candidates.set(message.round, { digest, value, outcome, locked, state: "new" });
    if (message.round > round) enterRound(message.round, false);
    else consider();
  }

  /** Takes the current round's proposal as far as it goes: verify, prepare, commit. */
  function consider(): void {
    const candidate = candidates.get(round);
    if (candidate === undefined) {
      propose();
      return;
    }
    if (candidate.state === "new") {
      const proofs = unverifiedProofs(book, candidate.value.proofs);
      candidate.state = proofs.length === 0 ? "valid" : "verifying";
      if (proofs.length > 0) out.push({ type: "verify", digest: candidate.digest, proofs });
      if (candidate.state === "valid") prepare(candidate);
    }
    commit();
  }

  function prepare(candidate: Candidate): void {
    if (signed.prepare.has(round)) return;
    const lacking = candidate.locked ? [] : pool.lacking(candidate.outcome.absent);
    if (lacking.length > 0) {
      note("refused", leader(round), round, `lacks the inventories of members ${lacking.join(", ")}`);
      return;
    }
    signed.prepare.add(round);
    const draft = { type: "prepare", epoch, round, digest: candidate.digest, member: self } as const;
    out.push({ type: "vote", draft });
  }

  function commit(): void {
    const candidate = candidates.get(round);
    if (candidate?.state !== "valid" || signed.commit.has(round)) return;
    const votes = prepares.votes(round, candidate.digest);
    if (votes.length < quorum) return;
    lock = { round, digest: candidate.digest, value: candidate.value, prepares: votes.slice(0, quorum) };
    signed.commit.add(round);
    const certificate = certificateOf(context, candidate.outcome, round, leader(round));
    out.push({ type: "vote", draft: { type: "commit", epoch, certificate, member: self }, lock });
  }

  function onPrepare(message: PrepareMessage): void {
    const added = prepares.add(message.round, message.digest, message);
    if (added === "conflict") note("equivocation", message.member, message.round, "two prepares");
    if (added === "counted" && message.round === round) commit();
  }

  function onCommit(message: CommitMessage): void {
    const { certificate, member } = message;
    if (!isOurs(certificate))
      return void note("refused", member, certificate.round, "commit to a foreign certificate");
    const subject = certificateKey(certificate);
    const added = commits.add(certificate.round, subject, message);
    if (added === "conflict") note("equivocation", member, certificate.round, "two commits");
    const votes = commits.votes(certificate.round, subject);
    if (added === "counted" && votes.length >= quorum) decide(certificate, votes.slice(0, quorum), null);
  }

  function onRoundChange(message: RoundChangeMessage): void {
    const { member } = message;
    if (message.lock?.prepares.some((vote) => isMasked(context, vote.member))) return;
    const added = roundChanges.add(message);
    if (added === "stale") return;
    if (added === "unproven") {
      return void note("refused", member, message.round, "round change whose lock is not proven");
    }
    if (message.handed.proofs.length > 0 && unverifiedProofs(book, message.handed.proofs).length > 0) {
      out.push({ type: "offer", proofs: message.handed.proofs });
    }
    for (const inventory of message.handed.inventories) {
      if (!isMasked(context, inventory.member)) onInventory(inventory);
    }
    const latest = answers.latest("roundChange");
    if (message.round < round && latest !== undefined)
      out.push({ type: "send", to: member, message: latest });
    const next = roundChanges.joinable(round);
    if (next !== undefined) enterRound(next, true);
    else propose();
  }

  function propose(): void {
    if (leader(round) !== self || signed.proposal.has(round) || decided !== null) return;
    const grounds = round === 0 ? NO_GROUNDS : roundChanges.grounds(round);
    if (grounds === undefined) return;
    const value = grounds.value ?? freshValue();
    if (value === null) return;
    signed.proposal.add(round);
    out.push({
      type: "vote",
      draft: {
        type: "proposal",
        epoch,
        round,
        value,
        roundChanges: [...grounds.heads],
        prepares: [...grounds.prepares],
        member: self,
      },
    });
  }

  function freshValue(): Value | null {
    const backed = pool.backed();
    const complete = backed.length === (round === 0 ? voting : Math.max(quorum, pool.all().length));
    return backed.length >= quorum && (complete || waited) ? composeValue(context, book, backed) : null;
  }

  function decide(certificate: Certificate, votes: readonly CommitMessage[], offered: Value | null): void {
    if (decided !== null && (decided.value !== null || offered === null)) return;
    const known = [...candidates.values()].find(({ outcome }) => certifies(certificate, outcome));
    const value = known?.value ?? offered;
    const outcome = known?.outcome ?? (offered === null ? null : evaluate(offered, self, certificate.round));
    const fits = outcome !== null && certifies(certificate, outcome);
    if (decided !== null && !fits) return;
    decidedCertificate = certificate;
    decided = { type: "decided", epoch, commits: [...votes], value: fits ? value : null, member: self };
    out.push({
      type: "decide",
      decision: { certificate, commits: votes, value: decided.value, outcome: fits ? outcome : null },
    });
  }

  function onDecided(message: DecidedMessage): void {
    const certificate = message.commits[0]?.certificate;
    if (certificate === undefined || !isOurs(certificate)) return;
    const votes = commitsTo(certificate, message).filter((vote) => !isMasked(context, vote.member));
    if (votes.length >= quorum) decide(certificate, votes.slice(0, quorum), message.value);
  }

  function onMessage(message: ConsensusMessage): void {
    if (message.epoch !== epoch || message.member >= members || isMasked(context, message.member)) return;
    if (message.member === self && message.type !== "decided") answers.keep(message);
    if (message.type === "decided") onDecided(message);
    const behind = decided !== null && message.type === "roundChange";
    if (message.type === "sync" || behind) {
      for (const known of answers.to(message.member, message.round, decided))
        out.push({ type: "send", to: message.member, message: known });
    }
    if (decided !== null) return;
    if (message.type === "commit") onCommit(message);
    if (message.type === "inventory") onInventory(message);
    if (message.type === "proposal") onProposal(message);
    if (message.type === "prepare") onPrepare(message);
    if (message.type === "roundChange") onRoundChange(message);
  }

  function onTimer(name: string, at: number): void {
    if (name === "demand") pool.closeDemand();
    if (decided !== null || at !== round) return;
    if (name === "collect") {
      waited = true;
      propose();
    }
    if (name === "round") enterRound(round + 1, true);
  }

  function onVerified(digest: Hex, valid: boolean): void {
    for (const candidate of candidates.values()) {
      if (candidate.digest === digest && candidate.state === "verifying") {
        candidate.state = valid ? "valid" : "refused";
      }
    }
    const candidate = candidates.get(round);
    if (decided !== null || candidate?.digest !== digest) return;
    if (candidate.state === "refused")
      return void note("refused", leader(round), round, "a proof does not verify");
    prepare(candidate);
    commit();
  }

  function evaluate(value: Value, member: number, at: number): Outcome | null {
    try {
      return evaluateValue(context, value);
    } catch (error) {
      if (!(error instanceof MemoError)) throw error;
      note("refused", member, at, error.code);
      return null;
    }
  }

  function isOurs(certificate: Certificate): boolean {
    const { round: at } = certificate;
    return (
      certificate.epoch === epoch && certificate.term === context.term && certificate.leader === leader(at)
    );
  }

  function phase(): Phase {
    if (decided !== null) return "decided";
    if (signed.commit.has(round)) return "committing";
    if (candidates.has(round)) return "preparing";
    return round === 0 && !waited ? "collecting" : "waiting";
  }

  return {
    handle(input) {
      out = [];
      if (input.type === "start") start();
      if (input.type === "message") onMessage(input.message);
      if (input.type === "timer") onTimer(input.name, input.round);
      if (input.type === "verified") onVerified(input.digest, input.valid);
      if (input.type === "proofs" && decided === null) propose();
      return out;
    },
    view: () => {
      const at = decidedCertificate?.round ?? round;
      return {
        epoch,
        round: at,
        phase: phase(),
        leader: leader(at),
        inventories: pool.all().map(({ member }) => member),
        prepares: prepares.members(at),
        commits: commits.members(at),
        roundChanges: roundChanges.members(at),
        locked: lock?.round ?? null,
      };
    },
  };
}
