import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

export type MemberKind = "function" | "event" | "error";

/** One function, event or error that an interface declares. */
export type InterfaceMember = {
  readonly kind: MemberKind;
  readonly name: string;
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
  let comment: string[] = [];
  for (const [index, text] of source.split("\n").entries()) {
    const written = COMMENT.exec(text);
    if (written !== null) {
      comment.push(written[1]!);
      continue;
    }
    const declared = DECLARATION.exec(text);
    if (declared !== null) {
      const [kind, name] = [declared[1] as MemberKind, declared[2]!];
      members.push({ kind, name, comment: comment.join("\n"), line: index + 1 });
    }
    comment = [];
  }
  return members;
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
