import { naming } from "../certificates.ts";
import { formatTokens } from "../format.ts";
import { readDisputeLogs } from "../groupLogs.ts";
import { betweenEpochs, untilHappened } from "../waiting.ts";
import { type Play, stakeOf } from "./play.ts";
import { type Acceptance, untilLost, untilPaid, untilRepaired } from "./repair.ts";

/** A window is two epochs long in the embedded group. */
const PATIENCE_EPOCHS = 4;

async function restartKeepers(
  { nodes }: Play,
  ids: readonly number[],
  faults: Parameters<Play["nodes"]["startKeeper"]>[1],
): Promise<void> {
  for (const id of ids) {
    await nodes.stopKeeper(id);
    await nodes.startKeeper(id, faults);
  }
}

/** Bribed keepers, enough of them to certify, say that they hear nothing of an honest provider, which appeals. */
export async function bribe(play: Play): Promise<Acceptance[]> {
  const { network, terminal, cast, file, reasons } = play;
  const { accused, bribed, honestKeepers } = cast;
  terminal.stage(`${bribed.length} of ${bribed.length + honestKeepers.length} keepers are bribed`);
  const epoch = await betweenEpochs(network);
  const before = await stakeOf(network, accused);
  await restartKeepers(play, bribed, { deafTo: { keepers: honestKeepers, providers: [accused] } });
  reasons.set(accused, epoch, "ignored by bribed keepers");
  terminal.step(
    `${naming("keeper", bribed)} ignore provider ${accused}, which proves all it holds, and the honest keeper`,
  );
  const [record] = await untilLost(play, [accused]);
  await restartKeepers(play, bribed, {});
  terminal.step(`provider ${accused} lost its slot; that is all that keepers can take`);

  await untilHappened(network, `The appeal of provider ${accused}`, PATIENCE_EPOCHS, async () =>
    (await readDisputeLogs(network))
      .filter((log) => log.eventName === "AppealAccepted")
      .some(({ args }) => args.providerId === accused && args.epoch === record?.epoch),
  );
  terminal.step(
    `provider ${accused} appealed by itself with the shards drawn by the chain: accepted, no keeper asked`,
  );
  const accepted = await untilRepaired(play, [{ orderId: file.orderId, former: accused }]);
  await untilPaid(play, accepted);
  const after = await stakeOf(network, accused);
  terminal.step(
    after === before
      ? `provider ${accused} still has all of its stake of ${formatTokens(after)} MEMO`
      : `provider ${accused} has NOT kept its stake`,
  );
  return accepted;
}
