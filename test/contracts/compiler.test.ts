import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { artifacts } from "hardhat";

type CompilerError = { type: string; message: string; sourceLocation?: { file: string } };
type Solc = {
  compile(input: string, callbacks: { import(path: string): { contents: string } }): string;
};

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DEPLOYED_BYTES_MAX = 24_576;

/** The order's EIP-712 field is called `layout`; a version of the language that forbids it is far away. */
const ALLOWED = '"layout" will be promoted to keyword';

test("the contracts compile without warnings", () => {
  const solc = createRequire(import.meta.url)("solc") as Solc;
  const files = globSync("contracts/**/*.sol", { cwd: ROOT });
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(
      files.map((file) => [file, { content: readFileSync(`${ROOT}${file}`, "utf8") }]),
    ),
    // Warnings come from the analysis: no code has to be made for them.
    settings: { evmVersion: "osaka", outputSelection: { "*": { "*": ["abi"] } } },
  };
  const output = JSON.parse(
    solc.compile(JSON.stringify(input), {
      import: (path) => ({ contents: readFileSync(`${ROOT}node_modules/${path}`, "utf8") }),
    }),
  ) as { errors?: CompilerError[]; contracts: Record<string, Record<string, object>> };
  assert.ok(output.contracts["contracts/StorageOrders.sol"] !== undefined);
  const ours = (output.errors ?? []).filter(
    ({ message, sourceLocation }) =>
      sourceLocation?.file.startsWith("contracts/") && !message.startsWith(ALLOWED),
  );
  assert.deepEqual(
    ours.map(({ message, sourceLocation }) => `${sourceLocation?.file}: ${message}`),
    [],
  );
});

test("what is deployed fits into the limit of code", async () => {
  const names = await artifacts.getAllFullyQualifiedNames();
  const sizes: [string, number][] = [];
  for (const name of names) {
    if (!name.startsWith("contracts/")) continue;
    const { deployedBytecode } = await artifacts.readArtifact(name);
    sizes.push([name, deployedBytecode.length / 2 - 1]);
  }
  assert.ok(sizes.some(([name]) => name.endsWith(":StorageOrders")));
  for (const [name, bytes] of sizes) assert.ok(bytes <= DEPLOYED_BYTES_MAX, `${name} has ${bytes} bytes`);
});
