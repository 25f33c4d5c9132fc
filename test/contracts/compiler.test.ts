import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import config from "../../hardhat.config.ts";

type CompilerError = { type: string; message: string; sourceLocation?: { file: string } };
type Solc = {
  compile(input: string, callbacks: { import(path: string): { contents: string } }): string;
};

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DEPLOYED_BYTES_MAX = 24_576;

/** The order's EIP-712 field is called `layout`; a version of the language that forbids it is far away. */
const ALLOWED = '"layout" will be promoted to keyword';

test("the contracts compile without warnings, and fit into a block's code limit", () => {
  const solc = createRequire(import.meta.url)("solc") as Solc;
  const profile = (config.solidity as unknown as { profiles: { default: { settings: object } } }).profiles
    .default;
  const files = globSync("contracts/**/*.sol", { cwd: ROOT });
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(
      files.map((file) => [file, { content: readFileSync(`${ROOT}${file}`, "utf8") }]),
    ),
    settings: { ...profile.settings, outputSelection: { "*": { "*": ["evm.deployedBytecode.object"] } } },
  };
  const output = JSON.parse(
    solc.compile(JSON.stringify(input), {
      import: (path) => ({ contents: readFileSync(`${ROOT}node_modules/${path}`, "utf8") }),
    }),
  ) as {
    errors?: CompilerError[];
    contracts: Record<string, Record<string, { evm: { deployedBytecode: { object: string } } }>>;
  };
  const ours = (output.errors ?? []).filter(
    ({ message, sourceLocation }) =>
      sourceLocation?.file.startsWith("contracts/") && !message.startsWith(ALLOWED),
  );
  assert.deepEqual(
    ours.map(({ message, sourceLocation }) => `${sourceLocation?.file}: ${message}`),
    [],
  );
  const sizes = Object.values(output.contracts).flatMap((contracts) =>
    Object.entries(contracts).map(
      ([name, { evm }]) => [name, evm.deployedBytecode.object.length / 2] as const,
    ),
  );
  assert.ok(sizes.some(([name]) => name === "StorageOrders"));
  for (const [name, bytes] of sizes) assert.ok(bytes <= DEPLOYED_BYTES_MAX, `${name} has ${bytes} bytes`);
});
