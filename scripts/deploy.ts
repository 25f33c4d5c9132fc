import { createInterface } from "node:readline/promises";
import { MemoError } from "../protocol/errors.ts";
import { deploy } from "./deploy/deploy.ts";
import { parseDeployOptions } from "./deploy/options.ts";

/* `npm run deploy -- --network <name>`: docs/operators/deploy.md. */

async function confirm(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return (await terminal.question(question)).trim().toLowerCase() === "yes";
  } finally {
    terminal.close();
  }
}

let code = 0;
try {
  const options = parseDeployOptions(process.argv.slice(2));
  if (options !== undefined) {
    await deploy(options, {
      say: (line) => void process.stdout.write(`${line}\n`),
      ...(process.stdin.isTTY ? { confirm } : {}),
    });
  }
} catch (error) {
  const text = error instanceof MemoError ? `${error.code}: ${error.message}` : String(error);
  process.stderr.write(`${text}\n`);
  code = 1;
}
// Sockets that libraries keep alive would hold the process for seconds.
process.stdout.write("", () => process.exit(code));
