import type { Address } from "viem";
import { EXIT, type Session } from "./session.ts";
import { formatTokens } from "./terminal.ts";
import { type AddVerb, addressOf, orderIdOf, wei, wholeNumber } from "./verb.ts";

type RenewFlags = {
  epochs?: number;
  price?: bigint;
  asAgentOf?: Address;
  standing: boolean;
  deposit: boolean;
  yes: boolean;
};
type StandingFlags = { maxPrice?: bigint; epochs?: number; times?: number; off: boolean };

const RENEW_HELP = `
A new order over the same shards with their present holders, from the old one's end on. Nothing is uploaded. The cost is
shown before anything is spent; nothing is on chain until every holder has signed. With --standing anybody goes on with an
order in its last eighth, on the terms that its payer has set with "memo standing".

EXAMPLES
  memo renew 0x3f…c1
  memo renew 0x3f…c1 --epochs 365 --yes --json | jq -r .orderId
  memo renew 0x3f…c1 --as-agent-of 0x70…9a

EXIT CODES
  0  renewed: the new order's id
  1  it is not; standard error says why`;

const STANDING_HELP = `
Anybody may then go on with the order (memo renew --standing) at its end, again and again, until the times are used up:
the price never exceeds yours, and your deposit pays.

EXAMPLES
  memo standing 0x3f…c1 --max-price 900 --epochs 30 --times 12
  memo standing 0x3f…c1 --off

EXIT CODES
  0  set
  1  not set; standard error says why`;

async function renew(
  { client, terminal, signal }: Session,
  text: string,
  flags: RenewFlags,
): Promise<number> {
  const { yes, ...options } = flags;
  const renewed = await client.renew(orderIdOf(text), {
    ...options,
    signal,
    async confirm({ startEpoch, endEpoch, price, cost, deposit }) {
      const moved = deposit > 0n ? `, of which ${formatTokens(deposit)} move from your wallet` : "";
      terminal.say(
        `Goes on for epochs ${startEpoch} to ${endEpoch - 1} at a price of ${price}: ${formatTokens(cost)}${moved}.`,
      );
      return yes || terminal.confirm("Renew it?");
    },
  });
  const { order, ...shown } = renewed;
  terminal.result(renewed.orderId, {
    ...shown,
    providers: order.providers,
    startEpoch: order.startEpoch,
    endEpoch: order.endEpoch,
  });
  return EXIT.done;
}

async function standing(
  { client, terminal, signal }: Session,
  text: string,
  { maxPrice = 0n, epochs = 0, times, off }: StandingFlags,
): Promise<number> {
  const terms = off ? { maxPrice: 0n, epochs: 0, times: 0 } : { maxPrice, epochs, times: times ?? 1 };
  const { transaction } = await client.setStanding(orderIdOf(text), terms, { signal });
  terminal.result(
    off
      ? "The order ends as it was signed."
      : `It may go on ${terms.times} times for ${epochs} epochs, at a price of at most ${maxPrice}.`,
    { ...terms, transaction },
  );
  return EXIT.done;
}

export function addRenew(add: AddVerb): void {
  add("renew <order>", "go on with an order, without an upload", (session, [text], flags) =>
    renew(session, text!, flags as RenewFlags),
  )
    .option("--epochs <n>", "epochs of the new order (default: as many as the old one had)", wholeNumber)
    .option("--price <wei>", "token wei per 2^32 shard-epochs (default: what the holders ask)", wei)
    .option("--as-agent-of <payer>", "spend of this payer's deposit, as its agent", addressOf)
    .option("--standing", "on the terms that its payer has set", false)
    .option("--no-deposit", "fail rather than move tokens from the wallet")
    .option("-y, --yes", "do not ask", false)
    .addHelpText("after", RENEW_HELP);
  add("standing <order>", "let an order go on by itself, up to a price", (session, [text], flags) =>
    standing(session, text!, flags as StandingFlags),
  )
    .option("--max-price <wei>", "highest price, token wei per 2^32 shard-epochs", wei)
    .option("--epochs <n>", "length of each continuation", wholeNumber)
    .option("--times <n>", "continuations (default: 1)", wholeNumber)
    .option("--off", "take the terms back", false)
    .addHelpText("after", STANDING_HELP);
}
