import type { Hex } from "viem";
import type { Certificate } from "../../protocol/certificate.ts";
import type { Holding } from "../../protocol/results/cover.ts";
import type { CommitMessage, ConsensusMessage, Draft, HeldProof, Lock, Value } from "./messages.ts";
import type { Outcome } from "./value.ts";

/** A certificate with a quorum of commits of its round, and what it stands for if this keeper knows. */
export type Decision = {
  readonly certificate: Certificate;
  /** Exactly a quorum, ascending by member. */
  readonly commits: readonly CommitMessage[];
  readonly value: Value | null;
  readonly outcome: Outcome | null;
};

export type TimerName = "collect" | "demand" | "round";

/** What enters the state machine. Messages are authentic: their signers are the members they name. */
export type Input =
  | { readonly type: "start" }
  | { readonly type: "message"; readonly message: ConsensusMessage }
  | { readonly type: "timer"; readonly name: TimerName; readonly round: number }
  /** Answer to `verify`. */
  | { readonly type: "verified"; readonly digest: Hex; readonly valid: boolean }
  /** The book of verified proofs has grown. */
  | { readonly type: "proofs" };

/** What the state machine asks for. */
export type Effect =
  /** Journal the draft and the lock durably, then sign it, then send it to all and hand it back as message. */
  | { readonly type: "vote"; readonly draft: Draft; readonly lock?: Lock }
  | { readonly type: "send"; readonly to: number; readonly message: ConsensusMessage }
  | { readonly type: "timer"; readonly name: TimerName; readonly round: number; readonly ms: number }
  /** Verify these proofs and answer with `verified`. */
  | { readonly type: "verify"; readonly digest: Hex; readonly proofs: readonly HeldProof[] }
  /** Ask a member for proofs that it says it holds. */
  | {
      readonly type: "fetch";
      readonly from: number;
      readonly wants: readonly { provider: number; holding: Holding }[];
    }
  /** Proofs handed over by a member; those that verify belong into the book. */
  | { readonly type: "offer"; readonly proofs: readonly HeldProof[] }
  | { readonly type: "decide"; readonly decision: Decision }
  | {
      readonly type: "note";
      readonly what: "equivocation" | "refused";
      readonly member: number;
      readonly round: number;
      readonly reason: string;
    };

/** What the journal kept of an epoch. */
export type Restored = { readonly drafts: readonly Draft[]; readonly lock: Lock | null };

export type Phase = "collecting" | "waiting" | "preparing" | "committing" | "decided";

/** A view of the running instance for people. */
export type InstanceView = {
  readonly epoch: number;
  readonly round: number;
  readonly phase: Phase;
  readonly leader: number;
  readonly inventories: readonly number[];
  readonly prepares: readonly number[];
  readonly commits: readonly number[];
  readonly roundChanges: readonly number[];
  readonly locked: number | null;
};
