import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

export type MemberKind = "function" | "event" | "error";

/** One parameter of a function, event or error. */
export type Parameter = { readonly name: string; readonly indexed: boolean };

/** One function, event or error that an interface declares. */
export type InterfaceMember = {
  readonly kind: MemberKind;
  readonly name: string;
  readonly parameters: readonly Parameter[];
  /** Text of the NatSpec comment above it; empty without one. */
  readonly comment: string;
  readonly line: number;
};

/** Everything that one file of `contracts/interfaces` declares. */
export type InterfaceFile = { readonly name: string; readonly members: readonly InterfaceMember[] };

const DECLARATION = /^\s*(function|event|error)\s+(\w+)/;
const COMMENT = /^\s*\/\/\/ ?(.*)$/;

/** Functions, events and errors of a Solidity source that holds interfaces, with what is written above them. */
export function membersOf(source: string): readonly InterfaceMember[] {
  const members: InterfaceMember[] = [];
  const lines = source.split("\n");
  let comment: string[] = [];
  for (const [index, text] of lines.entries()) {
    const written = COMMENT.exec(text);
    if (written !== null) {
      comment.push(written[1]!);
      continue;
    }
    const declared = DECLARATION.exec(text);
    if (declared !== null) {
      members.push({
        kind: declared[1] as MemberKind,
        name: declared[2]!,
        parameters: parametersOf(lines.slice(index).join(" ")),
        comment: comment.join("\n"),
        line: index + 1,
      });
    }
    comment = [];
  }
  return members;
}

/** What the `@notice` of a comment says, in one line. */
export function noticeOf(comment: string): string {
  const notice = /@notice (.*?)(?=\n@|$(?![\s\S]))/s.exec(comment);
  return notice === null ? "" : notice[1]!.replace(/\s+/g, " ").trim();
}

/** Reads all interfaces of a folder. */
export async function readInterfaces(folder: string): Promise<readonly InterfaceFile[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith(".sol")).sort();
  return await Promise.all(
    files.map(async (file) => ({
      name: file.replace(/\.sol$/, ""),
      members: membersOf(await readFile(join(folder, file), "utf8")),
    })),
  );
}

function parametersOf(declaration: string): readonly Parameter[] {
  const inside = /\(([^)]*)\)/.exec(declaration)?.[1] ?? "";
  return inside
    .split(",")
    .map((parameter) => parameter.trim())
    .filter((parameter) => parameter !== "")
    .map((parameter) => ({ name: parameter.split(/\s+/).at(-1)!, indexed: / indexed /.test(parameter) }));
}
