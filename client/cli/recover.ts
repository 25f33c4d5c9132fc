import { resolve } from "node:path";
import type { Command } from "commander";
import { EXIT } from "./session.ts";
import { formatBytes } from "./terminal.ts";
import type { AddVerb } from "./verb.ts";

const HELP = `
Needs only your wallet's key (or recovery phrase) and the chain: orders are found by their events, manifests in the
network, names in the manifests.

EXAMPLES
  memo recover --to restored
  memo recover --to restored --json | jq .failed

EXIT CODES
  0  everything is restored
  1  nothing could be restored
  2  some files or orders could not be read; the others are restored`;

export function addRecover(add: AddVerb): Command {
  return add(
    "recover",
    "restore all your files from wallet and chain alone",
    async ({ client, terminal, signal }, _args, options) => {
      const { to } = options as { to: string };
      const { colors, say } = terminal;
      const recovery = await client.recover({
        directory: resolve(to),
        signal,
        onFile(file) {
          if ("sha256" in file) say(`${colors.green("✓")} ${file.name} (${formatBytes(file.bytes)})`);
          else say(`${colors.red("✗")} ${file.name}: ${file.code}: ${file.reason}`);
        },
      });
      for (const order of recovery.unreadable)
        say(`${colors.red("✗")} order ${order.orderId}: ${order.code}: ${order.reason}`);
      terminal.result(`${recovery.files.length} files restored to ${resolve(to)}`, recovery);
      return recovery.complete ? EXIT.done : EXIT.incomplete;
    },
  )
    .requiredOption("--to <folder>", "where the files go")
    .addHelpText("after", HELP);
}
