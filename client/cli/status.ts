import type { Command } from "commander";
import type { OpenDispute, OrderStatus, OrderSummary } from "../status/orderStatus.ts";
import { legend, redundancyBar, type SlotCondition, type SlotStatus } from "../status/redundancy.ts";
import { EXIT, type Session } from "./session.ts";
import { formatCoin, formatTokens, type Terminal } from "./terminal.ts";
import { type AddVerb, orderIdOf } from "./verb.ts";

const HELP = `
The bar has one sign for each slot: # held, - held by somebody who missed lately, ? a direct challenge is open, > offered
for repair, . vacant, x void. "spare" is how many slots may still fail before data is lost; negative: it cannot be rebuilt
from what was proven last. Without an order: all of yours that have not ended, and the epochs of the group.

EXAMPLES
  memo status
  memo status 0x3f…c1
  memo status 0x3f…c1 --json | jq '.spare, .disputes'

EXIT CODES
  0  waiting for the first epoch, or active with every slot held and proven in the epochs looked at
  1  it could not be read
  2  an order has ended, or a slot is not held, missed or disputed`;

type Colors = Terminal["colors"];

function colored(colors: Colors, condition: SlotCondition, text: string): string {
  if (condition === "held") return colors.green(text);
  return condition === "vacant" || condition === "void" ? colors.red(text) : colors.yellow(text);
}

const isWhole = (order: OrderSummary) =>
  order.state !== "ended" && order.slots.every(({ condition }) => condition === "held");

function headline(colors: Colors, order: OrderSummary): string {
  const spare = order.spare > 0 ? `${order.spare} spare` : colors.red(`${order.spare} spare`);
  return `${redundancyBar(order.slots)} ${spare}  ${order.policy}, ${order.shards} shards, ${order.state}, epochs ${order.startEpoch} to ${order.endEpoch - 1}`;
}

function slotLine(colors: Colors, slot: SlotStatus): string {
  const { condition, provider, former, offer, missed, since } = slot;
  const parts: string[] = [condition];
  if (missed.length > 0) parts.push(`missed ${missed.join(", ")}`);
  if (former) parts.push(`provider ${former.provider} until ${former.until}`);
  if (former && provider !== undefined) parts.push(`rebuilt, held since ${since}`);
  if (offer) parts.push(`offered to provider ${offer.provider} up to epoch ${offer.deadline}`);
  const who = provider === undefined ? "nobody" : `provider ${provider}`;
  return `slot ${String(slot.slot).padStart(2)}  ${who.padEnd(12)}  ${colored(colors, condition, parts.join("; "))}`;
}

function disputeLine(dispute: OpenDispute): string {
  const until = new Date(dispute.deadline * 1000).toISOString();
  if (dispute.kind === "challenge") {
    const { id, provider, slot, stripe } = dispute;
    return `direct challenge ${id}: provider ${provider}, slot ${slot}, stripe ${stripe}, to be answered by ${until}`;
  }
  const { provider, epoch, slots, status } = dispute;
  const outcome = status === "open" ? `may be appealed until ${until}` : `${status}: nothing is slashed`;
  return `lost in epoch ${epoch}: provider ${provider}, slots ${slots.join(", ")}, ${outcome}`;
}

function describe(colors: Colors, status: OrderStatus): string {
  const { refunded } = status;
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : [`${title}:`, ...lines.map((line) => `  ${line}`)];
  return [
    headline(colors, status),
    legend(status.slots),
    `now ${status.epochNow}, certified to ${status.lastCertified}, settled to ${status.settledTo}`,
    `${formatTokens(status.escrow)} in escrow, ${formatTokens(refunded.total)} refunded (${formatTokens(refunded.slashed)} of it out of slashed collateral)`,
    ...status.slots.map((slot) => slotLine(colors, slot)),
    ...section(
      "faults",
      status.faults.map(({ epoch, slot, provider, kind }) =>
        kind === "unanswered"
          ? `epoch ${epoch}  slot ${slot}  provider ${provider} did not answer a direct challenge`
          : `epoch ${epoch}  slot ${slot}  provider ${provider} ${kind}`,
      ),
    ),
    ...section(
      "repairs",
      status.repairs.map(({ offered, deadline, slot, provider, outcome, since, bonus }) => {
        const end = {
          offered: `open up to epoch ${deadline}`,
          accepted: `holds it since ${since}`,
          expired: "expired",
        };
        const paid = bonus === undefined ? "" : `, bonus ${formatTokens(bonus)}`;
        return `epoch ${offered}  slot ${slot}  offered to provider ${provider}: ${end[outcome]}${paid}`;
      }),
    ),
    ...section("open disputes", status.disputes.map(disputeLine)),
  ].join("\n");
}

async function overview({ client, terminal }: Session): Promise<number> {
  const all = await client.overview();
  const { group, money, orders, ended } = all;
  const lines = [
    `epoch ${group.epochNow}, certified to ${group.lastCertified}, finished to ${group.lastFinished}; ${group.providers} providers, ${group.keepers} keepers`,
    `${formatTokens(money.deposited)} deposited, ${formatTokens(money.token)} and ${formatCoin(money.native)} in the wallet`,
    `${orders.length} orders, and ${ended} that have ended`,
    ...orders.map((order) => `${order.orderId}  ${headline(terminal.colors, order)}`),
    legend(orders.flatMap((order) => order.slots)),
  ];
  terminal.result(lines.join("\n").trimEnd(), all);
  return orders.every(isWhole) ? EXIT.done : EXIT.incomplete;
}

async function one({ client, terminal }: Session, text: string): Promise<number> {
  const status = await client.status(orderIdOf(text));
  terminal.result(describe(terminal.colors, status), { ...status, bar: redundancyBar(status.slots) });
  return isWhole(status) && status.disputes.length === 0 ? EXIT.done : EXIT.incomplete;
}

export function addStatus(add: AddVerb): Command {
  return add(
    "status [order]",
    "how your orders stand: redundancy, faults, repairs, disputes, refunds",
    (session, [text]) => (text === undefined ? overview(session) : one(session, text)),
  ).addHelpText("after", HELP);
}
