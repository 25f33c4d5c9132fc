import { formatTokens } from "../format.ts";
import { tellEpoch } from "../runEpochs.ts";
import { betweenEpochs } from "../waiting.ts";
import { tellClocks } from "./clocks.ts";
import { optOutOfRepairs } from "./optOut.ts";
import type { OrderLink } from "./orderLink.ts";
import { type Play, shortId, stakeOf } from "./play.ts";
import { settleUp } from "./settling.ts";
import { findSlotFiles, loseAll } from "./shardFiles.ts";

/** What is wrong from when on. */
export interface Stumble {
  /** First epoch in which it shows. */
  epoch: number;
  /** Real time of the death, milliseconds. */
  at: number;
  /** Chain time of the death, seconds. */
  chainTime: number;
  /** Shards that the cheater still has, as paths. */
  cheaterKeeps: readonly string[];
}

/**
 * Stops one provider for good, takes a third of its shards from a second, makes a third late for one epoch, and shows
 * that epoch and the next.
 */
export async function stumble(play: Play, link: OrderLink): Promise<Stumble> {
  const { network, nodes, terminal, cast, file, second, reasons } = play;
  terminal.stage("Three providers stumble");
  // Who will be accused would lose again what it rebuilt meanwhile.
  await optOutOfRepairs(network, [cast.dead, cast.cheater, cast.accused]);
  const epoch = await betweenEpochs(network);
  const stakeBefore = await stakeOf(network, cast.slow);
  await nodes.stopProvider(cast.dead);
  const at = performance.now();
  const chainTime = (await network.conductor.head()).timestamp;
  terminal.step(`provider ${cast.dead} is stopped for good`);

  const lost = await findSlotFiles(network, link, file.order, cast.cheater);
  const kept = await findSlotFiles(network, link, second.order, cast.cheater);
  await nodes.stopProvider(cast.cheater);
  await loseAll(lost);
  await nodes.startProvider(cast.cheater, { heal: false });
  terminal.step(
    `provider ${cast.cheater} loses ${lost.length} of its ${lost.length + kept.length} shards on disk, all of the ` +
      "file's, and goes on answering with the rest",
  );

  await nodes.stopProvider(cast.slow);
  await nodes.startProvider(cast.slow, { lateIn: epoch });
  terminal.step(`provider ${cast.slow} will send its proof of epoch ${epoch} after the cut-off`);

  reasons.set(cast.dead, epoch, "stopped for good");
  reasons.set(cast.cheater, epoch, "lost a third of its shards");
  reasons.set(cast.slow, epoch, "late");
  await tellEpoch(play, epoch);
  await tellEpoch(play, epoch + 1);
  await tellClocks(play);

  const refunded = await settleUp(network, file);
  const stakeAfter = await stakeOf(network, cast.slow);
  terminal.step(
    `provider ${cast.slow} was late once: unpaid for that epoch, its stake of ${formatTokens(stakeAfter)} MEMO ` +
      `${stakeAfter === stakeBefore ? "untouched" : "NOT untouched"}`,
  );
  terminal.note(
    `order ${shortId(file.orderId)} settled: ${formatTokens(refunded)} MEMO refunded to the user so far`,
  );
  return { epoch, at, chainTime, cheaterKeeps: kept };
}
