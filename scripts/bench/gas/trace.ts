/** One instruction as `debug_traceTransaction` reports it. */
export interface TraceStep {
  readonly op: string;
  readonly gas: number;
  readonly gasCost: number;
  readonly depth: number;
  readonly stack: readonly string[];
}

/** What instructions are summed up under. */
export type GasClass =
  | "storage read, cold"
  | "storage read, warm"
  | "storage write, new word"
  | "storage write, changed word"
  | "storage write, again"
  | "transient storage"
  | "logs"
  | "hashing"
  | "precompiles"
  | "calls"
  | "code of accounts"
  | "memory and copies"
  | "arithmetic and stack";

/** An instruction with what it took itself, without what the code that it called took. */
export interface OwnStep {
  readonly op: string;
  readonly kind: GasClass;
  readonly gas: number;
  /** Index of the call that it belongs to. */
  readonly call: number;
  /** Word of storage that it reads or writes. */
  readonly slot?: string;
  /** Precompile that it calls. */
  readonly precompile?: string;
}

/** One call of code, in order of entry. */
export interface TracedCall {
  readonly depth: number;
  /** Account whose code runs; undefined for what the transaction itself calls. */
  readonly address: string | undefined;
  /** First four bytes of its data, as its own dispatch reads them. */
  selector?: string;
}

const CALL_OPS = new Set(["CALL", "STATICCALL", "DELEGATECALL", "CALLCODE"]);
const MEMORY_OPS = /^(MLOAD|MSTORE8?|MCOPY|CALLDATACOPY|CODECOPY|RETURNDATACOPY)$/;
const CODE_OPS = /^(EXTCODE(SIZE|COPY|HASH)|BALANCE)$/;
/** Addresses up to 0x01ff are reserved for precompiles. */
const PRECOMPILE_MAX = 0x1ffn;
/** Least gas of an SLOAD of a word that the transaction has not touched (EIP-2929). */
const COLD_READ_GAS = 2100;
/** Least gas of an SSTORE that makes a zero word something, and of one that changes a word (EIP-2200, EIP-2929). */
const NEW_WORD_GAS = 20_000;
const CHANGED_WORD_GAS = 2900;

function target(step: TraceStep): string | undefined {
  const word = CALL_OPS.has(step.op) ? step.stack.at(-2) : undefined;
  // The chain leaves out leading zeros.
  return word === undefined ? undefined : `0x${BigInt(word).toString(16).padStart(40, "0")}`;
}

function isPrecompile(address: string): boolean {
  return BigInt(address) <= PRECOMPILE_MAX && BigInt(address) > 0n;
}

function classOf(step: TraceStep, gas: number): GasClass {
  const { op } = step;
  if (op === "SLOAD") return gas >= COLD_READ_GAS ? "storage read, cold" : "storage read, warm";
  if (op === "SSTORE") {
    if (gas >= NEW_WORD_GAS) return "storage write, new word";
    return gas >= CHANGED_WORD_GAS ? "storage write, changed word" : "storage write, again";
  }
  if (op === "TLOAD" || op === "TSTORE") return "transient storage";
  if (op.startsWith("LOG")) return "logs";
  if (op === "KECCAK256" || op === "SHA3") return "hashing";
  const called = target(step);
  if (called !== undefined) return isPrecompile(called) ? "precompiles" : "calls";
  if (op.startsWith("CREATE")) return "calls";
  if (CODE_OPS.test(op)) return "code of accounts";
  return MEMORY_OPS.test(op) ? "memory and copies" : "arithmetic and stack";
}

/**
 * Every step with its own gas, and the calls that they belong to. The sum of all is what execution took, refunds not
 * deducted. Nothing of it holds for a call that ran out of gas.
 */
export function ownSteps(steps: readonly TraceStep[]): { calls: TracedCall[]; steps: OwnStep[] } {
  const calls: TracedCall[] = [{ depth: 1, address: undefined }];
  /** Calls that have not returned: the step that made each, and the gas that it was given. */
  const open: { call: number; made?: TraceStep; given: number }[] = [{ call: 0, given: 0 }];
  const own: OwnStep[] = [];
  for (const [index, step] of steps.entries()) {
    const next = steps[index + 1];
    const frame = open.at(-1)!;
    if (next !== undefined && next.depth > step.depth) {
      calls.push({ depth: next.depth, address: target(step) });
      open.push({ call: calls.length - 1, made: step, given: next.gas });
      continue;
    }
    const isLast = next === undefined || next.depth < step.depth;
    const gas = isLast ? step.gasCost : step.gas - next.gas;
    const slot = step.op === "SLOAD" || step.op === "SSTORE" ? step.stack.at(-1) : undefined;
    const called = target(step);
    const call = calls[frame.call]!;
    if (step.op === "SHR" && call.selector === undefined && next !== undefined) {
      call.selector = `0x${BigInt(next.stack.at(-1) ?? "0x0")
        .toString(16)
        .padStart(8, "0")}`;
    }
    own.push({
      ...{ op: step.op, kind: classOf(step, gas), gas, call: frame.call },
      ...(slot === undefined ? {} : { slot }),
      ...(called !== undefined && isPrecompile(called) ? { precompile: called } : {}),
    });
    if (next === undefined || !isLast) continue;
    // Back in the caller: what its call took beyond the code that it called.
    open.pop();
    const made = frame.made!;
    const inside = frame.given - (step.gas - step.gasCost);
    const beside = made.gas - next.gas - inside;
    own.push({ op: made.op, kind: classOf(made, beside), gas: beside, call: open.at(-1)!.call });
  }
  return { calls, steps: own };
}
