import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import asc from "assemblyscript/asc";

/**
 * Compiles the WebAssembly kernels to generated TypeScript beside them. The results depend on the sources and
 * the locked compiler only; `npm run check` runs this and compares.
 */
const PROTOCOL = new URL("../../protocol/", import.meta.url);
const KERNELS = [
  {
    source: "kzg/kernel/field.as",
    target: "kzg/generated/fieldKernel.ts",
    name: "FIELD_KERNEL_BASE64",
    options: ["--enable", "simd,threads", "--importMemory", "--sharedMemory", ...pages(148)],
  },
  {
    source: "kzg/kernel/g1.as",
    target: "kzg/generated/g1Kernel.ts",
    name: "G1_KERNEL_BASE64",
    options: ["--enable", "simd", ...pages(28)],
  },
  {
    source: "merkle/kernel/keccak.as",
    target: "merkle/generated/keccakKernel.ts",
    name: "KECCAK_KERNEL_BASE64",
    options: pages(8),
  },
];

function pages(count: number): string[] {
  return ["--initialMemory", String(count), "--maximumMemory", String(count)];
}

for (const { source, target, name, options } of KERNELS) {
  const wasm = await compile(readFileSync(new URL(source, PROTOCOL), "utf8"), options);
  const lines = Buffer.from(wasm)
    .toString("base64")
    .match(/.{1,100}/g)!;
  mkdirSync(new URL(".", new URL(target, PROTOCOL)), { recursive: true });
  writeFileSync(
    new URL(target, PROTOCOL),
    `// Compiled from protocol/${source} by scripts/generate/kernel.ts. Do not edit.\n` +
      `export const ${name} =\n${lines.map((line) => `  "${line}"`).join(" +\n")};\n`,
  );
  process.stdout.write(`${source}: ${wasm.length} bytes\n`);
}

async function compile(source: string, options: string[]): Promise<Uint8Array> {
  let compiled: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    [
      ...["kernel.ts", "--outFile", "kernel.wasm", "--runtime", "stub", "--noAssert", "--use", "abort="],
      ...["--optimizeLevel", "3", "--shrinkLevel", "0", "--converge"],
      ...options,
    ],
    {
      // The compiler insists on the suffix .ts, which would make the source TypeScript for every other tool.
      readFile: (name) => (name === "kernel.ts" ? source : null),
      writeFile: (name, contents) => {
        if (name === "kernel.wasm") compiled = contents as Uint8Array;
      },
      listFiles: () => [],
    },
  );
  if (error === null && compiled !== undefined) return compiled;
  process.stderr.write(`${stderr.toString()}\n`);
  throw error ?? new Error("the compiler wrote nothing");
}
