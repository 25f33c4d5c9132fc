import type { Command } from "commander";
import type { Address } from "viem";
import type { StoreProgress } from "../store/progress.ts";
import { EXIT, type Session } from "./session.ts";
import { formatBytes, formatTokens, type Progress, type Terminal } from "./terminal.ts";
import type { AddVerb } from "./verb.ts";
import { addressOf, wei, wholeNumber } from "./verb.ts";

type PutOptions = {
  name?: string;
  policy: string;
  epochs: number;
  startIn?: number;
  maxPrice?: bigint;
  asAgentOf?: Address;
  deposit: boolean;
  compress: boolean;
  yes: boolean;
};

const HELP = `
The cost is shown before anything is spent. Nothing is on chain until everything is stored, verified and signed; if it
fails before, providers free the room by themselves. "sealed" means: in an open order, challenged every epoch.

EXAMPLES
  memo put holiday.mp4
  memo put backup.tar --policy "rs(20,12)" --epochs 365 --name backups/2026-05.tar
  memo put notes.txt --policy "copies(3)" --yes --json | jq -r .orderId

EXIT CODES
  0  stored
  1  nothing was stored; standard error says why and what to do`;

/** Reports the steps of a store. */
function reporter(terminal: Terminal, progress: Progress): (event: StoreProgress) => void {
  const { say, colors } = terminal;
  return (event) => {
    switch (event.stage) {
      case "deposited":
        return say(`${colors.green("✓")} deposited ${formatTokens(event.amount)}`);
      case "replaced":
        return say(
          `${colors.yellow("!")} provider ${event.provider} refused for slot ${event.slot}: ${event.code}; another one takes its place`,
        );
      case "shards":
        return progress.update(event);
      case "signed":
        progress.stop();
        return say(
          `${colors.green("✓")} all commitments verified; signed by providers ${event.providers.join(", ")}`,
        );
      case "opened":
        return say(`${colors.green("✓")} order opened with ${event.gas} gas`);
      default:
        return;
    }
  };
}

async function put(
  { client, terminal, signal }: Session,
  file: string,
  options: PutOptions,
): Promise<number> {
  for (const upload of await client.unfinished()) {
    const outcome = upload.opened ? `its order ${upload.orderId} is open` : "nothing of it is on chain";
    terminal.say(`An earlier upload of ${upload.name} ended without a result: ${outcome}.`);
  }
  const progress = terminal.progress("store");
  const { yes, ...rest } = options;
  try {
    const result = await client.store(file, {
      ...rest,
      signal,
      onProgress: reporter(terminal, progress),
      async confirm(plan) {
        terminal.say(
          `${plan.name}: ${formatBytes(plan.bytes)} as ${plan.policy}, at most ${plan.shards} shards, epochs ${plan.startEpoch} to ${plan.endEpoch - 1}`,
        );
        const moved =
          plan.deposit > 0n ? `, of which ${formatTokens(plan.deposit)} move from your wallet` : "";
        terminal.say(`It costs at most ${formatTokens(plan.cost)}${moved}.`);
        return yes || terminal.confirm("Store it?");
      },
    });
    const { order, ...shown } = result;
    terminal.say(`sealed: ${shown.shards} shards in ${shown.slots} slots for ${formatTokens(shown.cost)}`);
    terminal.result(result.orderId, {
      state: "sealed",
      ...shown,
      providers: order.providers,
      startEpoch: order.startEpoch,
      endEpoch: order.endEpoch,
    });
    return EXIT.done;
  } finally {
    progress.stop();
  }
}

export function addPut(add: AddVerb): Command {
  return add("put <file>", "store a file", (session, [file], options) =>
    put(session, file!, options as PutOptions),
  )
    .option("--name <name>", "name to store it under (default: the file's own)")
    .option("--policy <policy>", "rs(k,m) or copies(n)", "rs(6,3)")
    .option("--epochs <n>", "epochs to keep it for", wholeNumber, 30)
    .option("--start-in <n>", "epochs from now to the first one paid (default: by size)", wholeNumber)
    .option("--max-price <wei>", "most token wei per 2^32 shard-epochs (default: what providers ask)", wei)
    .option("--as-agent-of <payer>", "spend of this payer's deposit, as its agent", addressOf)
    .option("--no-deposit", "fail rather than move tokens from the wallet")
    .option("--no-compress", "store the bytes as they are, encrypted")
    .option("-y, --yes", "do not ask", false)
    .addHelpText("after", HELP);
}
