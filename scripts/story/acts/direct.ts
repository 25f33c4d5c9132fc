import { disputesAbi } from "../../../protocol/abi/generated/Disputes.ts";
import { MemoError } from "../../../protocol/errors.ts";
import type { Order } from "../../../protocol/order.ts";
import { embeddedAccount } from "../../embedded/accounts.ts";
import { sendAll } from "../../embedded/calls.ts";
import type { EmbeddedNetwork } from "../../embedded/network.ts";
import { formatTokens } from "../format.ts";
import { readDisputeLogs } from "../groupLogs.ts";
import { betweenEpochs, untilHappened } from "../waiting.ts";
import type { OrderLink } from "./orderLink.ts";
import { type Play, senderOf, slotOf, targetsOf } from "./play.ts";
import { findSlotFiles, loseAll } from "./shardFiles.ts";

/** A window is two epochs long in the embedded group; whoever answers does so within one. */
const PATIENCE_EPOCHS = 4;

/** Opens a direct challenge to one shard, by somebody who has no part in the group. */
export async function challengeDirectly(
  network: EmbeddedNetwork,
  order: Order,
  slot: number,
  stripe: number,
) {
  const { chain, group } = network;
  const account = embeddedAccount("outsider");
  const bond = await chain.publicClient.readContract({
    address: group.disputes,
    abi: disputesAbi,
    functionName: "bondOf",
    args: [order, slot, account.address],
  });
  await sendAll(senderOf(network), [
    {
      ...targetsOf(network).disputes,
      account,
      functionName: "challenge",
      args: [order, slot, stripe],
      value: bond,
    },
  ]);
  const logs = await readDisputeLogs(network);
  const opened = logs.filter((log) => log.eventName === "ChallengeOpened").at(-1);
  if (opened === undefined)
    throw new MemoError("EVENT_MISSING", "The transaction succeeded without its event.");
  return opened.args.ticket;
}

export type Ticket = Awaited<ReturnType<typeof challengeDirectly>>;

async function answerTo(network: EmbeddedNetwork, { id }: Ticket) {
  const logs = await readDisputeLogs(network);
  return logs.filter((log) => log.eventName === "ChallengeAnswered").find(({ args }) => args.id === id);
}

/** Waits until a direct challenge is answered. */
export async function untilAnswered(network: EmbeddedNetwork, ticket: Ticket): Promise<void> {
  await untilHappened(
    network,
    `The answer to direct challenge ${ticket.id}`,
    PATIENCE_EPOCHS,
    async () => (await answerTo(network, ticket)) !== undefined,
  );
}

/** Waits until nobody can answer any more and closes the challenge. @returns what came of it */
export async function closeUnanswered(network: EmbeddedNetwork, order: Order, ticket: Ticket) {
  await untilHappened(network, `The end of direct challenge ${ticket.id}`, PATIENCE_EPOCHS, async () => {
    const head = await network.conductor.head();
    return head.timestamp > Number(ticket.deadline) && head.number > ticket.deadlineBlock;
  });
  await sendAll(senderOf(network), [
    {
      ...targetsOf(network).disputes,
      account: embeddedAccount("outsider"),
      functionName: "closeChallenge",
      args: [ticket, order],
    },
  ]);
  const logs = await readDisputeLogs(network);
  return logs
    .filter((log) => log.eventName === "ChallengeUnanswered")
    .find(({ args }) => args.id === ticket.id)?.args;
}

/** An outsider challenges an honest provider, and the cheater on the second order, whose bytes it loses just then. */
export async function challengeByOutsider(play: Play, link: OrderLink): Promise<void> {
  const { network, terminal, cast, file, second, reasons } = play;
  terminal.stage("An outsider asks directly, without any keeper");
  const epoch = await betweenEpochs(network);
  const honest = await challengeDirectly(network, file.order, slotOf(file.order, cast.challenged), 0);
  await untilAnswered(network, honest);
  terminal.step(`provider ${cast.challenged} was challenged on one shard and answered by itself`);

  await loseAll(await findSlotFiles(network, link, second.order, cast.cheater));
  reasons.set(cast.cheater, epoch, "lost all it had left");
  const cheated = await challengeDirectly(network, second.order, slotOf(second.order, cast.cheater), 0);
  const closed = await closeUnanswered(network, second.order, cheated);
  terminal.step(
    `provider ${cast.cheater} was challenged on its slot of the second order, had nothing to answer with, ` +
      `${closed?.evicted ? "and is evicted and slashed at once" : "but was NOT evicted"}`,
  );
  terminal.note(`the outsider has its bond back and ${formatTokens(closed?.reward ?? 0n)} MEMO`);
}
