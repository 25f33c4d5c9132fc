import type { Command } from "commander";
import { EXIT } from "./session.ts";
import { formatBytes } from "./terminal.ts";
import type { AddVerb } from "./verb.ts";

const HELP = `
EXAMPLES
  memo ls
  memo ls --json | jq -r '.objects[].name'

EXIT CODES
  0  everything is listed
  1  nothing could be read
  2  the manifests of some orders could not be read; their names are missing`;

export function addList(add: AddVerb): Command {
  return add("ls", "list your names", async ({ client, terminal, signal }) => {
    const listing = await client.list({ signal });
    const text = listing.objects.map(
      ({ name, bytes, storedAt, orderId }) =>
        `${formatBytes(bytes).padStart(9)}  ${new Date(storedAt * 1000).toISOString()}  ${orderId}  ${name}`,
    );
    terminal.result(text.join("\n") || "Nothing is stored.", listing);
    for (const order of listing.unreadable)
      terminal.say(`! order ${order.orderId}: ${order.code}: ${order.reason}`);
    return listing.unreadable.length > 0 ? EXIT.incomplete : EXIT.done;
  })
    .alias("list")
    .addHelpText("after", HELP);
}
