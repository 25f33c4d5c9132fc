import { quorumOf } from "../../../protocol/certificate.ts";
import type { StartOptions } from "../options.ts";

/** Who does what in the second half. Providers and keepers by id. */
export interface Cast {
  /** Stopped for good. */
  dead: number;
  /** Loses a third of its shards and goes on answering with what it has. */
  cheater: number;
  /** Answers after the cut-off, once. */
  slow: number;
  /** Honest, and yet accused by bribed keepers. */
  accused: number;
  /** Honest, and challenged by an outsider. */
  challenged: number;
  /** Hold nothing of the file; whatever is repaired goes to them. */
  spares: readonly number[];
  /** Keepers that take a bribe: just as many as can certify without the others. */
  bribed: readonly number[];
  honestKeepers: readonly number[];
  /** The bribed keeper that signs two results of one round. */
  doubleSigner: number;
}

/** Slots that are lost, one after the other and each to another provider. */
const REPAIRS = 3;
/** Holders that have a part of their own. */
const PARTS = 5;

/** Whether a network is large enough for everything that goes wrong in the second half to be repaired. */
export function hasRoomForFaults({ policy, providers }: Pick<StartOptions, "policy" | "providers">): boolean {
  return policy.m >= 2 && policy.n >= PARTS && providers - policy.n >= REPAIRS;
}

/** Hands out the parts. `holders` are the file's, in slot order. */
export function chooseCast(options: {
  holders: readonly number[];
  providers: number;
  keepers: number;
}): Cast {
  const { holders, providers } = options;
  const [cheater = 0, dead = 0, slow = 0, accused = 0, challenged = 0] = holders;
  const keepers = Array.from({ length: options.keepers }, (_, index) => index + 1);
  const bribed = keepers.slice(0, quorumOf(options.keepers));
  const spares = Array.from({ length: providers }, (_, index) => index + 1).filter(
    (id) => !holders.includes(id),
  );
  return {
    dead,
    cheater,
    slow,
    accused,
    challenged,
    spares,
    bribed,
    honestKeepers: keepers.slice(bribed.length),
    doubleSigner: bribed[0] ?? 0,
  };
}
