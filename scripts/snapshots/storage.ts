import { globSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

interface LayoutEntry {
  readonly label: string;
  readonly offset: number;
  readonly slot: string;
  readonly type: string;
}
interface LayoutType {
  readonly label: string;
  readonly numberOfBytes: string;
  readonly members?: readonly LayoutEntry[];
}
interface Layout {
  readonly storage: readonly LayoutEntry[];
  readonly types: Record<string, LayoutType> | null;
}
interface ContractLayouts {
  readonly storageLayout: Layout;
  readonly transientStorageLayout: Layout;
}
interface Compiler {
  compile(input: string, callbacks: { import: (path: string) => { contents: string } }): string;
}

/** Where one variable lies: "slot 3, bytes 0 to 15". */
export interface Variable {
  readonly name: string;
  readonly type: string;
  readonly slot: number;
  readonly offset: number;
  readonly bytes: number;
}
export interface StorageSnapshot {
  readonly storage: readonly Variable[];
  readonly transient: readonly Variable[];
  /** Members of the structs among the types, slots counted from the struct's own. */
  readonly structs: Record<string, readonly Variable[]>;
}

function variables(entries: readonly LayoutEntry[], types: Layout["types"]): Variable[] {
  return entries.map(({ label, slot, offset, type }) => {
    const { label: typeName, numberOfBytes } = types![type]!;
    return { name: label, type: typeName, slot: Number(slot), offset, bytes: Number(numberOfBytes) };
  });
}

/** Layouts without the numbers of the syntax tree, which change with any edit. */
export function simplify({ storageLayout, transientStorageLayout }: ContractLayouts): StorageSnapshot {
  const types = { ...storageLayout.types, ...transientStorageLayout.types };
  const structs = Object.values(types)
    .filter((type) => type.members !== undefined)
    .sort((a, b) => (a.label < b.label ? -1 : 1))
    .map((type) => [type.label, variables(type.members!, types)] as const);
  return {
    storage: variables(storageLayout.storage, types),
    transient: variables(transientStorageLayout.storage, types),
    structs: Object.fromEntries(structs),
  };
}

/** Layouts of all contracts by "file:name", from the compiler's analysis alone: nothing is generated. */
export function storageLayouts(root: string): Map<string, StorageSnapshot> {
  const compiler = createRequire(import.meta.url)("solc") as Compiler;
  const files = globSync("contracts/*.sol", { cwd: root }).sort();
  const read = (path: string) =>
    readFileSync(join(root, path.startsWith("contracts/") ? "." : "node_modules", path), "utf8");
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(files.map((file) => [file, { content: read(file) }])),
    settings: {
      evmVersion: "osaka",
      outputSelection: { "*": { "*": ["storageLayout", "transientStorageLayout"] } },
    },
  };
  const output = JSON.parse(
    compiler.compile(JSON.stringify(input), { import: (path) => ({ contents: read(path) }) }),
  ) as {
    contracts: Record<string, Record<string, ContractLayouts>>;
    errors?: { severity: string; formattedMessage: string }[];
  };
  const errors = (output.errors ?? []).filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new Error(errors.map(({ formattedMessage }) => formattedMessage).join("\n"));
  const layouts = new Map<string, StorageSnapshot>();
  for (const file of files) {
    for (const [name, contract] of Object.entries(output.contracts[file] ?? {})) {
      layouts.set(`${file}:${name}`, simplify(contract));
    }
  }
  return layouts;
}
