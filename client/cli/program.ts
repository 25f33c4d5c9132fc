import { Command, CommanderError } from "commander";
import { MemoError } from "../../protocol/errors.ts";
import { packageVersion } from "../../protocol/runtime/packageVersion.ts";
import { loadSettings } from "../../protocol/runtime/settings.ts";
import type { Client } from "../createClient.ts";
import { addAgent } from "./agent.ts";
import { addChallenge } from "./challenge.ts";
import { addGet } from "./get.ts";
import { addList } from "./list.ts";
import { addEnd, addSettle } from "./order.ts";
import { addPut } from "./put.ts";
import { addRecover } from "./recover.ts";
import { addRenew } from "./renew.ts";
import { EXIT, openClient } from "./session.ts";
import { type ClientSettings, clientSettings } from "./settings.ts";
import { addStatus } from "./status.ts";
import { createTerminal, type Surroundings, toJson } from "./terminal.ts";
import type { AddVerb } from "./verb.ts";

const HELP = `
Settings come from flags, then environment, then defaults. Progress and errors go to standard error, results to standard
output; --json gives each result as one line of JSON. NO_COLOR is respected.

EXAMPLES
  export MEMO_DEPLOYMENT=deployments.json MEMO_KEY_FILE=wallet.key
  memo put holiday.mp4
  memo get holiday.mp4 --output copy.mp4
  memo status
  memo recover --to restored

EXIT CODES
  0  done
  1  failed; standard error says why and what to do
  2  incomplete; what could be done was done`;

/** Parts that tests put in place of the real ones. */
export type CliOverrides = {
  readonly surroundings?: Surroundings;
  readonly openClient?: (settings: ClientSettings) => Promise<Client>;
};

/** Runs `memo`; resolves with the exit code. */
export async function runCli(argv: readonly string[], overrides: CliOverrides = {}): Promise<number> {
  const surroundings: Surroundings = overrides.surroundings ?? process;
  const { stdout, stderr, env } = surroundings;
  let code: number = EXIT.done;
  const program = new Command("memo")
    .description("Decentralised storage whose every promise can be checked.")
    .version(await packageVersion())
    .exitOverride()
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .addHelpText("after", HELP);

  const add: AddVerb = (usage, description, run) => {
    const command = program.command(usage).description(description).exitOverride();
    command.option("--json", "the result as one line of JSON on standard output", false);
    for (const { flag, env: variable, description: text } of Object.values(clientSettings)) {
      const isSwitch = flag.startsWith("--no-");
      command.option(isSwitch ? flag : `${flag} <value>`, `${text} (${variable})`);
    }
    return command.action(async (...given) => {
      const [flags] = given.slice(-2) as [Record<string, unknown>];
      const args = given.slice(0, -2) as (string | undefined)[];
      // A switch has a value even when it was not given.
      const isGiven = (key: string) => command.getOptionValueSource(key) === "cli";
      const named = Object.keys(clientSettings);
      const settings = loadSettings({
        definitions: clientSettings,
        env,
        flags: Object.fromEntries(
          Object.entries(flags).filter(([key]) => named.includes(key) && isGiven(key)),
        ),
      }).values;
      const options = Object.fromEntries(Object.entries(flags).filter(([key]) => !named.includes(key)));
      const stop = new AbortController();
      const interrupt = () => stop.abort(new MemoError("INTERRUPTED", "Interrupted. Nothing more is done."));
      process.once("SIGINT", interrupt);
      const client = await (overrides.openClient ?? openClient)(settings);
      try {
        const terminal = createTerminal(surroundings, { json: Boolean(flags.json) });
        code = await run({ client, terminal, signal: stop.signal }, args, options);
      } finally {
        process.off("SIGINT", interrupt);
        await client.close();
      }
    });
  };
  addPut(add);
  addGet(add, stdout);
  addList(add);
  addStatus(add);
  addChallenge(add);
  addRenew(add);
  addAgent(add);
  addEnd(add);
  addSettle(add);
  addRecover(add);

  try {
    await program.parseAsync([...argv], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    report(error, argv.includes("--json"), surroundings);
    return EXIT.failed;
  }
}

/** One line that says what was wrong; with --json an object, so that scripts need not parse prose. */
function report(error: unknown, json: boolean, { stderr }: Surroundings): void {
  const known = error instanceof MemoError;
  const code = known ? error.code : "UNEXPECTED";
  const message = error instanceof Error ? error.message : String(error);
  const details = known ? error.details : {};
  stderr.write(json ? `${toJson({ error: { code, message, details } })}\n` : `${code}: ${message}\n`);
}
