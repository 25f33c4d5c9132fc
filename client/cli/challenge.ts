import type { Command } from "commander";
import type { ChallengeResult } from "../disputes/directChallenge.ts";
import { EXIT, type Session } from "./session.ts";
import { formatCoin, type Terminal } from "./terminal.ts";
import { type AddVerb, bigWholeNumber, orderIdOf, wholeNumber } from "./verb.ts";

type ChallengeFlags = { slot?: number; stripe?: number; yes: boolean };

const HELP = `
Demands on chain that a provider proves one shard, and waits for the answer. The bond is shown before it is spent. An
answer is paid out of the bond and the rest is burnt; if none comes, the bond returns, the slot is taken from the provider
and its collateral slashed, of which you get a share. The owner's bond in its own order is capped.

EXAMPLES
  memo challenge 0x3f…c1
  memo challenge 0x3f…c1 --slot 4 --stripe 17 --yes --json | jq .outcome

EXIT CODES
  0  answered: the shard is there
  1  nothing was asked, or waiting failed; standard error says why, and how to close what is open
  2  nobody answered: the slot was taken from the provider`;

function tell({ terminal }: Session, { ticket, outcome }: ChallengeResult): number {
  const shard = `slot ${ticket.slot}, stripe ${ticket.stripe} of provider ${ticket.providerId}`;
  const text = outcome.answered
    ? `${shard}: answered; ${formatCoin(outcome.reimbursed)} of the bond paid for it, the rest is burnt`
    : `${shard}: nobody answered; ${outcome.evicted ? "the slot is taken from it" : "the slot had been taken from it before"}`;
  terminal.result(text, { ticket, outcome });
  return outcome.answered ? EXIT.done : EXIT.incomplete;
}

async function open(session: Session, text: string, flags: ChallengeFlags): Promise<number> {
  const { client, terminal, signal } = session;
  const { slot, stripe, yes } = flags;
  const result = await client.challenge(orderIdOf(text), {
    ...(slot === undefined ? {} : { slot }),
    ...(stripe === undefined ? {} : { stripe }),
    signal,
    async confirm(plan) {
      const who = plan.provider === undefined ? "its former holder" : `provider ${plan.provider}`;
      terminal.say(
        `Asks ${who} for slot ${plan.slot}, stripe ${plan.stripe}; the bond is ${formatCoin(plan.bond)}.`,
      );
      return yes || terminal.confirm("Ask?");
    },
    onOpened: (ticket) => sayOpened(terminal, ticket.id, Number(ticket.deadline)),
  });
  return tell(session, result);
}

function sayOpened({ say, colors }: Terminal, id: bigint, deadline: number): void {
  const until = new Date(deadline * 1000).toISOString();
  say(`${colors.green("✓")} challenge ${id} is open until ${until}`);
  say(`  Waiting; if this is interrupted, "memo close ${id}" closes it after that.`);
}

export function addChallenge(add: AddVerb): void {
  const challenge: Command = add(
    "challenge <order>",
    "demand on chain that one shard is proven",
    (session, [text], flags) => open(session, text!, flags as ChallengeFlags),
  );
  challenge
    .option("--slot <n>", "slot to ask (default: any that is held)", wholeNumber)
    .option("--stripe <n>", "stripe to ask (default: any)", wholeNumber)
    .option("-y, --yes", "do not ask before the bond is spent", false)
    .addHelpText("after", HELP);
  add("close <challenge>", "close a direct challenge that nobody answered", async (session, [text]) =>
    tell(session, await session.client.closeChallenge(bigWholeNumber(text!), { signal: session.signal })),
  ).addHelpText("after", CLOSE_HELP);
}

const CLOSE_HELP = `
The bond returns to whoever opened it. A challenge that is over is only looked up.

EXAMPLES
  memo close 12

EXIT CODES
  0  it had been answered
  1  it may still be answered, or there is no such challenge
  2  nobody answered: the slot was taken from the provider`;
