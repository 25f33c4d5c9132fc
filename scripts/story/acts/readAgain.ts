import { naming } from "../certificates.ts";
import type { InputFile } from "../input.ts";
import { readWhole } from "../readBack.ts";
import { holdersOf, type Play } from "./play.ts";

/** What came back after the repairs, and without whom. */
export interface RestoredAfterRepair {
  match: boolean;
  providersDown: number;
}

/**
 * Stops as many of the present holders as the parity allows, and everybody who held a slot before and lost it, and
 * reads the file from the others.
 */
export async function readAgain(play: Play, input: InputFile): Promise<RestoredAfterRepair> {
  const { network, nodes, terminal, cast, file, options, createFreshClient } = play;
  terminal.stage("Reading it back once more");
  const holders = await holdersOf(network, file.order);
  const first = file.order.providers;
  const former = first.filter((provider) => !holders.includes(provider));
  // Those that hold it from the beginning on: what was rebuilt has to stand in for them.
  const oldest = holders.toSorted((a, b) => Number(first.includes(b)) - Number(first.includes(a)));
  const stopped = [...former.filter((id) => id !== cast.dead), ...oldest.slice(0, options.policy.m)];
  for (const provider of stopped) await nodes.stopProvider(provider);
  const down = [...new Set([cast.dead, ...stopped])];
  const gone = first.filter((provider) => down.includes(provider));
  terminal.step(
    `stopped ${options.policy.m} of the present holders and all former ones: ${naming("provider", down)} are down`,
  );
  terminal.note(
    `${gone.length} of the ${first.length} that it was stored with; its parity alone bears ${options.policy.m}`,
  );
  const client = createFreshClient();
  try {
    const { match } = await readWhole({ ...play, client }, input, file.orderId);
    return { match, providersDown: down.length };
  } finally {
    await client.close();
    for (const provider of stopped) await nodes.startProvider(provider);
  }
}
