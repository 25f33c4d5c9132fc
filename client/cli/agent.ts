import { type Address, getAddress, isAddress } from "viem";
import { MemoError } from "../../protocol/errors.ts";
import { EXIT, type Session } from "./session.ts";
import { formatTokens } from "./terminal.ts";
import { type AddVerb, wei, wholeNumber } from "./verb.ts";

type AgentFlags = { budget?: bigint; days: number };

const HELP = `
An agent signs orders and vouchers that your deposit pays for, up to a budget and until a time; it can take out nothing.
"approve" replaces what the agent had.

EXAMPLES
  memo agent approve 0x70…9a --budget 5000000000000000000 --days 30
  memo agent revoke 0x70…9a
  memo agent list

EXIT CODES
  0  done
  1  it is not; standard error says why`;

const DAY = 86_400;

/** @throws ADDRESS_INVALID */
function agentOf(text = ""): Address {
  if (isAddress(text, { strict: false })) return getAddress(text);
  throw new MemoError(
    "ADDRESS_INVALID",
    `${JSON.stringify(text)} is no address: 0x and 40 hexadecimal digits.`,
  );
}

async function approve(
  { client, terminal, signal }: Session,
  agent: Address,
  flags: AgentFlags,
): Promise<number> {
  const { budget, days } = flags;
  if (budget === undefined) {
    throw new MemoError("BUDGET_MISSING", "Say how much the agent may spend: --budget <token wei>.");
  }
  const { time } = await client.chainTime();
  const expiresAt = BigInt(time + days * DAY);
  const { transaction } = await client.approveAgent({ agent, budget, expiresAt }, { signal });
  const until = new Date(Number(expiresAt) * 1_000).toISOString();
  terminal.result(`${agent} may spend ${formatTokens(budget)} until ${until}.`, {
    ...{ agent, budget, expiresAt, transaction },
  });
  return EXIT.done;
}

async function revoke({ client, terminal, signal }: Session, agent: Address): Promise<number> {
  const { transaction } = await client.approveAgent({ agent, budget: 0n, expiresAt: 0n }, { signal });
  terminal.result(`${agent} may spend nothing any more.`, { agent, transaction });
  return EXIT.done;
}

async function list({ client, terminal }: Session): Promise<number> {
  const agents = await client.agents();
  const lines = agents.map(({ agent, budget, expiresAt }) => {
    const until = new Date(Number(expiresAt) * 1_000).toISOString();
    return `${agent}  ${budget === 0n ? "nothing" : `${formatTokens(budget)} until ${until}`}`;
  });
  terminal.result(lines.join("\n") || "Nobody may spend of your deposit.", { agents });
  return EXIT.done;
}

export function addAgent(add: AddVerb): void {
  add("agent <verb> [address]", "let others spend of your deposit", (session, [verb, text], flags) => {
    if (verb === "list") return list(session);
    if (verb === "approve") return approve(session, agentOf(text), flags as AgentFlags);
    if (verb === "revoke") return revoke(session, agentOf(text));
    throw new MemoError("VERB_UNKNOWN", `There is no "memo agent ${verb}": say approve, revoke or list.`);
  })
    .option("--budget <wei>", "most that the agent may spend, token wei", wei)
    .option("--days <n>", "days for which it may", wholeNumber, 30)
    .addHelpText("after", HELP);
}
