import { createHash } from "node:crypto";
import { createRequire } from "node:module";

/** What makes code go one way or the other. */
export type BranchKind = "if" | "conditional" | "loop" | "operand";

/** A condition of a source file; each of its two outcomes is a branch. */
export interface Condition {
  readonly file: string;
  readonly line: number;
  readonly kind: BranchKind;
  readonly text: string;
  /** What running code reports, as 64 hex digits: when the condition holds, and when it does not. */
  readonly whenTrue: string;
  readonly whenFalse: string;
}

interface AstNode {
  readonly nodeType: string;
  readonly src: string;
  readonly operator?: string;
  readonly condition?: AstNode | null;
  readonly leftExpression?: AstNode;
}

interface Compiler {
  compile(input: string): string;
}

/** Name of the library's source among those that are compiled, and of the library. */
export const LIBRARY_SOURCE = "memo-branches.sol";
const LIBRARY = "__MemoBranches";
/** Account that a coverage run of Hardhat's EVM takes reports at. */
const REPORT_ADDRESS = "0xc0bEc0BEc0BeC0bEC0beC0bEC0bEC0beC0beC0BE";

/** Reports which way a condition went; `pure`, so that it may stand anywhere. */
export const LIBRARY_CONTENT = `// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.0;

library ${LIBRARY} {
    function hit(bool value, uint256 id) internal pure returns (bool) {
        _pure(_report)(value ? id | 1 : id);
        return value;
    }

    function _report(uint256 id) private view {
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            mstore(pointer, id)
            pop(staticcall(gas(), ${REPORT_ADDRESS}, pointer, 0x20, 0, 0))
        }
    }

    function _pure(function(uint256) internal view from) private pure returns (function(uint256) pure to) {
        assembly ("memory-safe") {
            to := from
        }
    }
}
`;

const compiler = createRequire(import.meta.url)("solc") as Compiler;

function parse(file: string, source: string): AstNode {
  const output = JSON.parse(
    compiler.compile(
      JSON.stringify({
        language: "Solidity",
        sources: { [file]: { content: source } },
        settings: { stopAfter: "parsing", outputSelection: { "*": { "": ["ast"] } } },
      }),
    ),
  ) as { sources: Record<string, { ast?: AstNode }>; errors?: { formattedMessage: string }[] };
  const ast = output.sources[file]?.ast;
  if (ast === undefined) throw new Error(output.errors?.map((it) => it.formattedMessage).join("\n"));
  return ast;
}

/** The node's condition, if which way the code goes depends on it. */
function conditionOf(node: AstNode): { node: AstNode; kind: BranchKind } | undefined {
  switch (node.nodeType) {
    case "IfStatement":
      return { node: node.condition!, kind: "if" };
    case "Conditional":
      return { node: node.condition!, kind: "conditional" };
    case "WhileStatement":
    case "DoWhileStatement":
    case "ForStatement":
      return node.condition ? { node: node.condition, kind: "loop" } : undefined;
    case "BinaryOperation":
      // Whether the right-hand side is looked at.
      return node.operator === "&&" || node.operator === "||"
        ? { node: node.leftExpression!, kind: "operand" }
        : undefined;
    default:
      return undefined;
  }
}

function* conditions(value: unknown): Generator<{ node: AstNode; kind: BranchKind }> {
  if (typeof value !== "object" || value === null) return;
  if ("nodeType" in value) {
    const found = conditionOf(value as AstNode);
    if (found !== undefined) yield found;
  }
  for (const child of Object.values(value)) yield* conditions(child);
}

/**
 * The source with every condition wrapped in a call that reports its outcome, and the list of conditions. No line is
 * added before the last.
 */
export function instrumentBranches(
  file: string,
  source: string,
): { source: string; conditions: Condition[] } {
  const bytes = Buffer.from(source);
  const insertions: { at: number; order: number; text: string }[] = [];
  const found: Condition[] = [];
  for (const { node, kind } of conditions(parse(file, source))) {
    const [start = 0, length = 0] = node.src.split(":").map(Number);
    const even = createHash("sha256").update(`${file}:${start}:${length}`).digest();
    even[31]! &= 0xfe;
    const whenFalse = even.toString("hex");
    even[31]! |= 1;
    found.push({
      ...{ file, kind, whenFalse, whenTrue: even.toString("hex") },
      line: bytes.subarray(0, start).toString().split("\n").length,
      text: bytes
        .subarray(start, start + length)
        .toString()
        .replace(/\s+/g, " "),
    });
    // Of two that start at one place the longer is outside, of two that end there too.
    insertions.push({ at: start, order: length, text: `${LIBRARY}.hit(` });
    insertions.push({ at: start + length, order: -1 / length, text: `, 0x${whenFalse})` });
  }
  insertions.sort((a, b) => b.at - a.at || a.order - b.order);
  let result = bytes;
  for (const { at, text } of insertions) {
    result = Buffer.concat([result.subarray(0, at), Buffer.from(text), result.subarray(at)]);
  }
  return { source: `${result.toString()}\nimport "${LIBRARY_SOURCE}";\n`, conditions: found };
}
