import { MemoError } from "../../../protocol/errors.ts";
import { queryGraphql } from "../graphql.ts";
import { type Play, slotOf } from "./play.ts";

interface Clock {
  orderId: string;
  slot: number;
  provider: number;
  started: number;
  lostIn: number;
}

const QUERY = "{ repairs { clocks { orderId slot provider started lostIn } } }";

/** Shows which clocks a keeper says run, and that the cheater's slot that it proves has none. */
export async function tellClocks({ nodes, terminal, cast, second }: Play): Promise<void> {
  const [keeper] = cast.honestKeepers;
  const running = (await nodes.status()).find(({ name }) => name === `keeper ${keeper}`);
  if (running === undefined) throw new MemoError("NODE_NOT_RUNNING", `keeper ${keeper} does not run.`);
  const { repairs } = await queryGraphql<{ repairs: { clocks: Clock[] } | null }>(running.url, QUERY);
  const clocks = repairs?.clocks ?? [];
  for (const { provider, slot, started, lostIn } of clocks) {
    const left = `${lostIn} more epoch${lostIn === 1 ? "" : "s"}`;
    terminal.note(
      `the clock of slot ${slot} of provider ${provider} runs since epoch ${started}: ${left} and it is lost`,
    );
  }
  const proven = slotOf(second.order, cast.cheater);
  const stands = !clocks.some(({ orderId, slot }) => orderId === second.orderId && slot === proven);
  terminal.note(
    `the clock of provider ${cast.cheater}'s slot of the second order, which it proves, ${stands ? "stands still" : "RUNS"}`,
  );
}
