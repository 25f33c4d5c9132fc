import { randomBytes } from "node:crypto";
import type { StoreResult } from "../../client/store/store.ts";
import { PAYLOAD_BYTES } from "../../protocol/constants.ts";
import type { Kzg } from "../../protocol/kzg/kzg.ts";
import { appealInVain } from "./acts/appeal.ts";
import { bribe } from "./acts/bribery.ts";
import { type Cast, chooseCast } from "./acts/cast.ts";
import { challengeByOutsider } from "./acts/direct.ts";
import { catchDoubleSigner } from "./acts/equivocation.ts";
import { createOrderLink } from "./acts/orderLink.ts";
import type { Play, Reasons } from "./acts/play.ts";
import { type RestoredAfterRepair, readAgain } from "./acts/readAgain.ts";
import { type Acceptance, untilLost, untilPaid, untilRepaired } from "./acts/repair.ts";
import { type Stumble, stumble } from "./acts/stumble.ts";
import { type Repairs, readRepairs, slotBytes } from "./acts/summary.ts";
import { createUserClient } from "./clients.ts";
import type { StoryContext } from "./context.ts";
import { formatBytes } from "./format.ts";
import type { InputFile } from "./input.ts";

/** Epochs that the second order is stored for: longer than the story. */
const SECOND_EPOCHS = 48;
/** The chain's clock stands still while shards travel, so the epoch after the next one is never too early. */
const START_IN = 2;
/** Of the last stripe of data, room for what encryption adds. */
const ENVELOPE_BYTES = 4_096;

/** How long it took until the file was as safe as before, and what it cost. */
export interface Recovery {
  /** From the first epoch without the dead provider to the first one in which all slots were proven again. */
  epochs: number;
  /** Real time from the death to the proof of all that was rebuilt. */
  seconds: number;
  /** Bytes that repairers read for each byte that was lost … */
  readPerLostByte: number;
  /** … and the least that it can be: k to 1, over all slots that were rebuilt. */
  ideal: number;
}

/** What the second half leaves behind. */
export interface SecondHalf {
  cast: Cast;
  second: StoreResult;
  refusedAppeals: number[];
  repairs: Repairs;
  recovery: Recovery;
  restored: RestoredAfterRepair;
}

/**
 * Stores a second order with the cheater and somebody who holds nothing of the file, twice as long as the file: so the
 * file's shards are a third of what the cheater holds.
 */
async function storeSecond(
  context: StoryContext,
  { cast, file, kzg }: Pick<Play, "cast" | "file" | "kzg">,
): Promise<StoreResult> {
  const { network, terminal, signal } = context;
  const among = [cast.cheater, ...cast.spares.slice(0, 1)];
  const client = createUserClient(network, { kzg, among });
  // Copies of one shard per stripe, the last of which is the manifest. Random bytes cannot be compressed.
  const bytes = (2 * file.stripes - 1) * PAYLOAD_BYTES - ENVELOPE_BYTES;
  try {
    const stored = await client.store(new Uint8Array(randomBytes(bytes)), {
      name: "second.bin",
      policy: `copies(${among.length})`,
      epochs: SECOND_EPOCHS,
      startIn: START_IN,
      signal,
    });
    const { order, stripes } = stored;
    terminal.step(
      `a second order: ${formatBytes(bytes)}, ${stripes} stripes, two copies, with providers ${order.providers.join(", ")}`,
    );
    await network.advanceTo(order.startEpoch);
    return stored;
  } finally {
    await client.close();
  }
}

/** Everything that goes wrong, and how nothing is lost by it. */
export async function tellSecondHalf(
  context: StoryContext,
  { input, file, kzg, reasons }: { input: InputFile; file: StoreResult; kzg: Kzg; reasons: Reasons },
): Promise<SecondHalf> {
  const { network, terminal, options, nodes } = context;
  const { providers, keepers } = options;
  const cast = chooseCast({ holders: file.order.providers, providers, keepers });
  terminal.stage("Things go wrong");
  const second = await storeSecond(context, { cast, file, kzg });
  const play: Play = { ...context, cast, file, second, kzg, reasons };
  const link = await createOrderLink(network);
  try {
    const stumbled = await stumble(play, link);
    terminal.stage("Slots are lost and rebuilt");
    const gone = [cast.dead, cast.cheater];
    const records = await untilLost(play, gone);
    for (const record of records.filter(({ providerId }) => providerId === cast.cheater)) {
      await appealInVain(play, link, record, stumbled.cheaterKeeps);
    }
    const rebuilt = await untilRepaired(
      play,
      gone.map((former) => ({ orderId: file.orderId, former })),
    );
    const recovered = recoveryOf(stumbled, rebuilt);
    terminal.step(
      `every slot is held and proven again ${recovered.epochs} epochs, here ${recovered.seconds.toFixed(0)} s, after the death`,
    );
    await untilPaid(play, rebuilt);

    await challengeByOutsider(play, link);
    const moved = await bribe(play);
    terminal.stage("What else was evicted is rebuilt too");
    const other = await untilRepaired(play, [{ orderId: second.orderId, former: cast.cheater }]);
    await untilPaid(play, other);
    await catchDoubleSigner(play, cast.doubleSigner);
    const repairs = await readRepairs(nodes);
    const restored = await readAgain(play, input);

    const fileBytes = (rebuilt.length + moved.length) * slotBytes(file.order.stripes);
    const secondBytes = other.length * slotBytes(second.order.stripes);
    const recovery: Recovery = {
      ...recovered,
      readPerLostByte: repairs.bytesRead / (fileBytes + secondBytes),
      ideal: (fileBytes * options.policy.k + secondBytes) / (fileBytes + secondBytes),
    };
    terminal.note(
      `repairs read ${recovery.readPerLostByte.toFixed(2)} bytes for each that was lost; the least is ${recovery.ideal.toFixed(2)}`,
    );
    return { cast, second, refusedAppeals: [cast.cheater], repairs, recovery, restored };
  } finally {
    await link.close();
  }
}

function recoveryOf({ epoch, at }: Stumble, rebuilt: readonly Acceptance[]) {
  return {
    epochs: Math.max(...rebuilt.map(({ since }) => since)) - epoch,
    seconds: (performance.now() - at) / 1000,
  };
}

/** What a party did, for the table of who has more or less. */
export function partsOf(cast: Cast | undefined, file: StoreResult): (party: string) => string {
  const parts = new Map<string, string>([
    ["user", "paid for its orders; got back what was not proven, and its part of what was slashed"],
    ["treasury", "its part of fees and of what was slashed"],
  ]);
  for (const id of file.order.providers) parts.set(`provider ${id}`, "paid for every epoch it proved");
  if (cast === undefined) return (party) => parts.get(party) ?? "";
  for (const id of cast.spares) parts.set(`provider ${id}`, "rebuilt lost slots: bonus, and paid since");
  parts.set(`provider ${cast.dead}`, "died: paid until then, collateral slashed");
  parts.set(`provider ${cast.cheater}`, "lost shards: collateral of both slots slashed");
  parts.set(`provider ${cast.slow}`, "late once: not paid for that epoch");
  parts.set(`provider ${cast.accused}`, "accused and acquitted: unpaid while ignored, stake kept");
  parts.set(`keeper ${cast.doubleSigner}`, "signed two results of one round");
  parts.set("outsider", "reported that, and challenged the cheater");
  parts.set("burnt", "19 of 20 parts of that keeper's stake");
  return (party) => parts.get(party) ?? "";
}
