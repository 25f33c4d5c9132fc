import { readFileSync, writeFileSync } from "node:fs";
import asc from "assemblyscript/asc";

/**
 * Compiles the field kernel to protocol/kzg/generated/fieldKernel.ts. The result depends on the source and
 * the locked compiler only; `npm run check` runs this and compares.
 */
const SOURCE = new URL("../../protocol/kzg/kernel/field.as", import.meta.url);
const TARGET = new URL("../../protocol/kzg/generated/fieldKernel.ts", import.meta.url);

const source = readFileSync(SOURCE, "utf8");
let compiled: Uint8Array | undefined;
const { error, stderr } = await asc.main(
  [
    "field.ts",
    ...["--outFile", "field.wasm", "--runtime", "stub", "--noAssert", "--use", "abort="],
    ...["--optimizeLevel", "3", "--shrinkLevel", "0", "--converge", "--enable", "simd,threads"],
    ...["--importMemory", "--sharedMemory", "--initialMemory", "148", "--maximumMemory", "148"],
  ],
  {
    // The compiler insists on the suffix .ts, which would make it TypeScript for every other tool.
    readFile: (name) => (name === "field.ts" ? source : null),
    writeFile: (name, contents) => {
      if (name === "field.wasm") compiled = contents as Uint8Array;
    },
    listFiles: () => [],
  },
);
if (error || compiled === undefined) {
  process.stderr.write(`${stderr.toString()}\n`);
  throw error ?? new Error("the compiler wrote nothing");
}
const lines = Buffer.from(compiled)
  .toString("base64")
  .match(/.{1,100}/g)!;
writeFileSync(
  TARGET,
  `// Compiled from protocol/kzg/kernel/field.as by scripts/generate/kernel.ts. Do not edit.\n` +
    `export const FIELD_KERNEL_BASE64 =\n${lines.map((line) => `  "${line}"`).join(" +\n")};\n`,
);
process.stdout.write(`field kernel: ${compiled.length} bytes\n`);
