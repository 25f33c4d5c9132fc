import { spawnSync } from "node:child_process";
import { MemoError } from "../../protocol/errors.ts";

/** Reads bit vectors as integers: shifts and masks of 256 bits become divisions by constants. */
const INTEGERS = ["tactic.default_tactic=sat", "sat.smt=true", "sat.euf=true", "smt.bv.solver=2"] as const;
/** Puts in what the program assigned before anything is searched. */
const SUBSTITUTED = "(check-sat-using (then simplify propagate-values solve-eqs elim-uncnstr simplify sat))";

interface Way {
  readonly seconds: number;
  readonly options: readonly string[];
  readonly check: string;
}

/** How z3 is asked, in turn, until one way gives an answer. */
const WAYS: readonly Way[] = [
  { seconds: 2, options: [], check: "(check-sat)" },
  { seconds: 10, options: INTEGERS, check: "(check-sat)" },
  { seconds: 10, options: INTEGERS, check: SUBSTITUTED },
];

export interface Solver {
  readonly version: string;
  /** Answers a query of the compiler in SMT-LIB 2. */
  readonly solve: (query: string) => string;
}

/** Finds z3: `path`, else the one on PATH. */
export function createSolver(path: string | undefined): Solver {
  const command = path === undefined || path === "" ? "z3" : path;
  const version = spawnSync(command, ["--version"], { encoding: "utf8" });
  if (version.status !== 0 || !version.stdout.startsWith("Z3")) {
    throw new MemoError(
      "SMT_SOLVER_MISSING",
      `There is no z3 at "${command}": install it (pip install z3-solver, or a release of github.com/Z3Prover/z3) and put it on PATH or its path into MEMO_SMT_SOLVER.`,
      { details: { command } },
    );
  }
  return {
    version: version.stdout.trim(),
    solve(query) {
      for (const { seconds, options, check } of WAYS) {
        const { stdout } = spawnSync(command, ["-smt2", "-in", `-T:${seconds}`, ...options], {
          input: query.replace("(check-sat)", check),
          encoding: "utf8",
        });
        if (/^(sat|unsat)\b/.test(stdout)) return stdout;
      }
      return "unknown\n";
    },
  };
}
