import { setTimeout as delay } from "node:timers/promises";

/** How often the nodes are looked at; what they look at themselves costs nothing. */
const LOOK_EVERY_MS = 10;

/** What the conductor needs to know of a running daemon. */
export interface RunningNode {
  name: string;
  /** Duties that need no new block to finish. */
  pending(): number;
  /** Newest block whose consequences it has drawn. */
  headProcessed(): bigint;
}

/**
 * Waits until every node has read the chain as far as blocks are final at `block` and has nothing left to do, or until
 * `capMs` have passed. Returns the names of those that were not done.
 */
export async function settleDuties(
  nodes: () => Iterable<RunningNode>,
  block: bigint,
  confirmations: number,
  capMs: number,
): Promise<string[]> {
  const final = block - BigInt(confirmations);
  const deadline = performance.now() + capMs;
  for (;;) {
    const late = [...nodes()].filter((node) => node.headProcessed() < final || node.pending() > 0);
    if (late.length === 0 || performance.now() >= deadline) return late.map((node) => node.name);
    await delay(LOOK_EVERY_MS);
  }
}
