import { type Address, formatEther, type Hex, parseEventLogs } from "viem";
import { disputesAbi } from "../../protocol/abi/generated/Disputes.ts";
import type { Ticket } from "../../protocol/chain/disputeTypes.ts";
import type { Transactor } from "../../protocol/chain/transactor.ts";
import { MemoError } from "../../protocol/errors.ts";
import type { RandomBytes } from "../../protocol/object/envelope.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import type { ChallengeOutcome, DirectChallenge } from "../chain/disputeView.ts";
import type { GroupView, OpenedOrder } from "../chain/groupView.ts";

/** What a direct challenge will ask, and what it takes. */
export type ChallengePlan = {
  readonly orderId: Hex;
  readonly slot: number;
  readonly stripe: number;
  /** Who has to answer; undefined when the slot is vacant and its former holder has to. */
  readonly provider: number | undefined;
  /** Native wei: comes back if nobody answers; else it pays for the answer and the rest is burnt. */
  readonly bond: bigint;
};

export type ChallengeOptions = {
  /** Default: any slot that somebody holds. */
  readonly slot?: number;
  /** Default: any stripe. */
  readonly stripe?: number;
  /** Asked before anything is spent; false ends it with `CHALLENGE_DECLINED`. */
  readonly confirm?: (plan: ChallengePlan) => Promise<boolean>;
  /** Told once the question is on chain. */
  readonly onOpened?: (ticket: Ticket) => void;
  readonly signal?: AbortSignal;
};

export type ChallengeResult = {
  readonly ticket: Ticket;
  readonly outcome: ChallengeOutcome;
};

export type ChallengeDeps = {
  readonly view: GroupView;
  readonly transactor: Transactor;
  readonly account: Address;
  readonly random: RandomBytes;
  readonly clock: Clock;
};

/** Milliseconds between looks at the chain while an answer may come. */
const LOOK_MS = 1_000;

/** A whole number below `count`. */
function draw(random: RandomBytes, count: number): number {
  return Buffer.from(random(6)).readUIntBE(0, 6) % count;
}

async function planChallenge(
  { view, account, random }: ChallengeDeps,
  { id, order }: OpenedOrder,
  options: ChallengeOptions,
): Promise<ChallengePlan> {
  const slots = await view.slots(order);
  const held = slots.filter(({ holder }) => holder !== undefined);
  const slot =
    options.slot ?? (held.length > 0 ? held : slots)[draw(random, held.length || slots.length)]!.slot;
  const stripe = options.stripe ?? draw(random, order.stripes);
  if (slots[slot] === undefined || stripe >= order.stripes) {
    throw new MemoError(
      "SHARD_UNKNOWN",
      `Order ${id} has slots 0 to ${slots.length - 1} and stripes 0 to ${order.stripes - 1}.`,
      { details: { orderId: id, slot, stripe } },
    );
  }
  const [bond, wallet] = await Promise.all([
    view.disputes.bondOf(order, slot, account).catch((error: unknown) => {
      throw explained(error);
    }),
    view.walletOf(account),
  ]);
  // Equal is too little as well: the transactions have to be paid for.
  if (wallet.native <= bond) {
    throw new MemoError(
      "NATIVE_BALANCE_TOO_LOW",
      `The bond is ${formatEther(bond)} native coin, and the transactions cost some more; ${account} has ${formatEther(wallet.native)}. Send it some.`,
      { details: { account, bond, balance: wallet.native } },
    );
  }
  return { orderId: id, slot, stripe, provider: slots[slot].holder, bond };
}

/** What the contract may refuse, in words that say what to do. */
const REFUSALS: Readonly<Record<string, string>> = {
  CONTRACT_ChallengeTooLate:
    "The order is over, or the dispute about its evicted holder is: nobody has to answer.",
  CONTRACT_ChallengeAlreadyOpen:
    "A direct challenge to this very shard is open. Choose another stripe, or wait.",
  CONTRACT_BondWrong: "The bond has changed meanwhile: somebody else opened a challenge. Try again.",
  FUNDS_INSUFFICIENT: "The native coin of the account does not pay for bond and gas together. Send it some.",
};

function explained(error: unknown): unknown {
  const known = error instanceof MemoError ? REFUSALS[error.code] : undefined;
  if (!(error instanceof MemoError) || known === undefined) return error;
  const retryable = error.code === "CONTRACT_BondWrong";
  return new MemoError(error.code, known, { details: error.details, retryable, cause: error });
}

/**
 * Demands on chain the proof that a provider has one named shard, and waits until it is answered or, when the window is
 * over, closes the challenge: then the slot is taken from the provider.
 * @throws ORDER_NOT_FOUND, SHARD_UNKNOWN, NATIVE_BALANCE_TOO_LOW, CHALLENGE_DECLINED, CONTRACT_ChallengeTooLate,
 * CONTRACT_ChallengeAlreadyOpen, CONTRACT_BondWrong
 */
export async function challengeShard(
  deps: ChallengeDeps,
  orderId: Hex,
  options: ChallengeOptions = {},
): Promise<ChallengeResult> {
  const { view, transactor } = deps;
  const signal = options.signal ?? new AbortController().signal;
  const opened = await view.order(orderId);
  const plan = await planChallenge(deps, opened, options);
  if (options.confirm && !(await options.confirm(plan))) {
    throw new MemoError("CHALLENGE_DECLINED", "Nothing was asked and nothing was spent.");
  }
  const sent = await transactor
    .send({
      address: view.group.disputes,
      abi: disputesAbi,
      functionName: "challenge",
      args: [opened.order, plan.slot, plan.stripe],
      value: plan.bond,
      signal,
    })
    .catch((error: unknown) => {
      throw explained(error);
    });
  const [event] = parseEventLogs({ abi: disputesAbi, logs: sent.logs, eventName: "ChallengeOpened" });
  const { ticket } = event!.args;
  options.onOpened?.(ticket);
  return { ticket, outcome: await awaitOutcome(deps, opened, ticket, signal) };
}

/** Whether an answer may still come; the next block is the first that could close it. */
async function isWindowOpen(view: GroupView, ticket: Ticket): Promise<boolean> {
  const { number, timestamp } = await view.head();
  return BigInt(timestamp) <= ticket.deadline || BigInt(number) <= ticket.deadlineBlock;
}

async function awaitOutcome(
  deps: ChallengeDeps,
  opened: OpenedOrder,
  ticket: Ticket,
  signal: AbortSignal,
): Promise<ChallengeOutcome> {
  const { view, clock } = deps;
  for (;;) {
    const { outcome } = await view.disputes.challenge(ticket.id);
    if (outcome) return outcome;
    if (!(await isWindowOpen(view, ticket))) return closeNow(deps, opened, ticket, signal);
    await clock.sleep(LOOK_MS, signal);
  }
}

async function closeNow(
  { view, transactor }: ChallengeDeps,
  { order }: OpenedOrder,
  ticket: Ticket,
  signal: AbortSignal,
): Promise<ChallengeOutcome> {
  try {
    const sent = await transactor.send({
      address: view.group.disputes,
      abi: disputesAbi,
      functionName: "closeChallenge",
      args: [ticket, order],
      signal,
    });
    const [event] = parseEventLogs({ abi: disputesAbi, logs: sent.logs, eventName: "ChallengeUnanswered" });
    const { evicted, reward } = event!.args;
    return { answered: false, evicted, reward };
  } catch (error) {
    // Somebody else may have closed it, or answered in the last block.
    const { outcome } = await view.disputes.challenge(ticket.id);
    if (outcome) return outcome;
    throw error;
  }
}

/**
 * Closes a direct challenge that nobody answered, whoever opened it. One that is over already is only looked up.
 * @throws CHALLENGE_NOT_FOUND, CHALLENGE_WINDOW_OPEN (details.deadline, details.deadlineBlock)
 */
export async function closeChallenge(
  deps: ChallengeDeps,
  id: bigint,
  signal: AbortSignal,
): Promise<ChallengeResult> {
  const { view } = deps;
  const { ticket, outcome }: DirectChallenge = await view.disputes.challenge(id);
  if (outcome) return { ticket, outcome };
  if (await isWindowOpen(view, ticket)) {
    const { deadline, deadlineBlock } = ticket;
    throw new MemoError(
      "CHALLENGE_WINDOW_OPEN",
      `The challenge may be answered until ${new Date(Number(deadline) * 1000).toISOString()} and block ${deadlineBlock}. Close it after that.`,
      { details: { id, deadline, deadlineBlock }, retryable: true },
    );
  }
  return { ticket, outcome: await closeNow(deps, await view.order(ticket.orderId), ticket, signal) };
}
