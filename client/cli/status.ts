import type { Command } from "commander";
import { MemoError } from "../../protocol/errors.ts";
import { EXIT } from "./session.ts";
import { formatTokens } from "./terminal.ts";
import { type AddVerb, referenceOf } from "./verb.ts";

const HELP = `
EXAMPLES
  memo status 0x3f…c1
  memo status 0x3f…c1 --json | jq .slots

EXIT CODES
  0  the order is waiting for its first epoch, or active with nobody missing in the epochs looked at
  1  it could not be read
  2  it has ended, or some of its providers were missing`;

export function addStatus(add: AddVerb): Command {
  return add(
    "status <order>",
    "how an order stands: epochs, slots, who was missing",
    async ({ client, terminal }, [text]) => {
      const reference = referenceOf(text!);
      if (!("orderId" in reference)) {
        throw new MemoError(
          "ORDER_ID_INVALID",
          `${text} is no order id: 0x and 64 hexadecimal digits, as put prints it.`,
        );
      }
      const status = await client.status(reference.orderId);
      const { colors } = terminal;
      const missing = status.slots.filter((slot) => slot.missed.length > 0);
      const lines = [
        `${status.policy}, ${status.shards} shards, ${status.state}`,
        `epochs ${status.startEpoch} to ${status.endEpoch - 1}; now ${status.epochNow}, certified to ${status.lastCertified}, settled to ${status.settledTo}`,
        `${formatTokens(status.escrow)} in escrow`,
        ...status.slots.map(({ slot, provider, missed }) => {
          const mark = missed.length > 0 ? colors.red(`missing in ${missed.join(", ")}`) : colors.green("ok");
          return `slot ${slot}  provider ${provider}  ${mark}`;
        }),
      ];
      terminal.result(lines.join("\n"), status);
      return status.state === "ended" || missing.length > 0 ? EXIT.incomplete : EXIT.done;
    },
  ).addHelpText("after", HELP);
}
