import type { Command } from "commander";
import { EXIT } from "./session.ts";
import { type AddVerb, orderIdOf } from "./verb.ts";

const END_HELP = `
The order goes on to the end of the running epoch, or of the epochs that are paid in any case; until then it is challenged,
paid and repaired as usual. What is not spent returns when it is settled.

EXAMPLES
  memo end 0x3f…c1

EXIT CODES
  0  it ends
  1  it does not; standard error says why`;

const SETTLE_HELP = `
Pays providers and keepers for the epochs that are finished and returns to the payer what was not proven; an order that is
over is closed and the collateral of its holders freed. Anybody may do it.

EXAMPLES
  memo settle 0x3f…c1

EXIT CODES
  0  settled as far as epochs are finished
  1  it could not be settled
  2  a direct challenge is open: it cannot be closed before that is over`;

export function addEnd(add: AddVerb): Command {
  return add("end <order>", "end an order early", async ({ client, terminal, signal }, [text]) => {
    const ended = await client.end(orderIdOf(text!), { signal });
    terminal.result(`It is challenged and paid up to epoch ${ended.endEpoch - 1}.`, ended);
    return EXIT.done;
  }).addHelpText("after", END_HELP);
}

export function addSettle(add: AddVerb): Command {
  return add("settle <order>", "pay for what is finished", async ({ client, terminal, signal }, [text]) => {
    const settlement = await client.settle(orderIdOf(text!), { signal });
    const { settledTo, endEpoch, state, disputed } = settlement;
    const rest = disputed ? "; a direct challenge is open: settle again when it is over" : "";
    terminal.result(`settled to ${settledTo} of ${endEpoch}, ${state}${rest}`, settlement);
    return disputed ? EXIT.incomplete : EXIT.done;
  }).addHelpText("after", SETTLE_HELP);
}
