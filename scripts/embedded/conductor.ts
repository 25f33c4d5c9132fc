import { setTimeout as delay } from "node:timers/promises";
import type { PublicClient } from "viem";
import { MemoError } from "../../protocol/errors.ts";
import { createPool } from "./pool.ts";
import { describeRpcError, rpcOf } from "./rpc.ts";

/** Chain seconds from one block to the next. */
export const BLOCK_SECONDS = 5;
/** How often the loop looks whether there is something to mine for. */
const LOOK_EVERY_MS = 20;

/** What the conductor waits for before it mines: duties of the nodes that need no further block. */
export interface Duties {
  /**
   * Settles when every running node has read the chain up to `block` less its confirmations and has nothing left to
   * do, or after `capMs`. Returns the names of those that were not done.
   */
  settle(block: bigint, capMs: number): Promise<readonly string[]>;
}

export interface ConductorOptions {
  client: PublicClient;
  confirmations: number;
  /** Longest real time that one block waits for duties. */
  capMs?: number;
  /** Called after each block. */
  onBlock?: (block: ChainHead) => void;
  /** Called when the loop cannot go on (the chain has ended). */
  onFailure?: (error: Error) => void;
}

export interface ChainHead {
  number: bigint;
  /** Seconds. */
  timestamp: number;
  /** Nodes that were not done when the cap passed before this block. */
  late: readonly string[];
}

interface Goal {
  reached: (head: ChainHead) => boolean | Promise<boolean>;
  blocksLeft: number;
  resolve: (head: ChainHead) => void;
  reject: (error: Error) => void;
}

/**
 * Mines the chain of the embedded network. Time passes only by blocks, five seconds each, and a block is mined only
 * when it is wanted — a goal is open, a transaction waits, or the last one still needs confirmations — and the nodes
 * are done with the last: so a slow machine makes no false faults and a fast one does not wait.
 */
export function createConductor(options: ConductorOptions) {
  const { client, capMs = 15_000 } = options;
  const request = rpcOf(client);
  const hasPending = createPool(request);
  let duties: Duties | undefined;
  let goals: Goal[] = [];
  let confirming = 0;
  let everyMs: number | undefined;
  let lastMined = 0;
  let held = 0;
  let stopped = false;

  async function readHead(late: readonly string[] = []): Promise<ChainHead> {
    const block = await client.getBlock({ blockTag: "latest" });
    return { number: block.number, timestamp: Number(block.timestamp), late };
  }

  async function isWanted(): Promise<boolean> {
    if (held > 0) return false;
    if (goals.length > 0 || confirming > 0) return true;
    if (everyMs !== undefined && Date.now() - lastMined >= everyMs) return true;
    return hasPending();
  }

  /**
   * Said as soon as the block before it is mined: a call or an estimate runs in the block to come, whose time would
   * otherwise go on with the machine's clock, past deadlines that the chain has not reached.
   */
  async function fixNextTimestamp(head: ChainHead): Promise<void> {
    await request("evm_setNextBlockTimestamp", [head.timestamp + BLOCK_SECONDS]);
  }

  async function mine(): Promise<ChainHead> {
    const before = await readHead();
    const late = (await duties?.settle(before.number, capMs)) ?? [];
    // Whoever was waited for may have sent one: those in this block want confirming.
    confirming = (await hasPending()) ? options.confirmations : Math.max(0, confirming - 1);
    await request("evm_mine");
    lastMined = Date.now();
    const head = await readHead(late);
    await fixNextTimestamp(head);
    options.onBlock?.(head);
    return head;
  }

  async function checkGoals(head: ChainHead, mined: boolean): Promise<void> {
    for (const goal of [...goals]) {
      try {
        if (await goal.reached(head)) {
          goal.resolve(head);
        } else if (mined && --goal.blocksLeft <= 0) {
          throw new MemoError(
            "GOAL_NOT_REACHED",
            "The network did not get there in the blocks it was given.",
          );
        } else continue;
      } catch (error) {
        goal.reject(error as Error);
      }
      goals = goals.filter((other) => other !== goal);
    }
  }

  async function loop(): Promise<void> {
    await fixNextTimestamp(await readHead());
    while (!stopped) {
      if (!(await isWanted())) {
        await delay(LOOK_EVERY_MS);
        continue;
      }
      await checkGoals(await readHead(), false);
      if (!stopped && (await isWanted())) await checkGoals(await mine(), true);
    }
  }

  const running = loop().catch((cause: unknown) => {
    if (stopped) return;
    stopped = true;
    const error = new MemoError("CHAIN_LOST", `The chain cannot go on: ${describeRpcError(cause)}`, {
      cause,
    });
    for (const goal of goals) goal.reject(error);
    options.onFailure?.(error);
  });

  return {
    head: () => readHead(),

    /** From now on blocks wait for these. */
    setDuties(next: Duties | undefined): void {
      duties = next;
    },

    /** Mines until the condition holds; it is asked before the first and after every block. */
    mineUntil(reached: Goal["reached"], limits: { blocks?: number } = {}): Promise<ChainHead> {
      return new Promise((resolve, reject) => {
        goals.push({ reached, blocksLeft: limits.blocks ?? 1_000, resolve, reject });
      });
    },

    /** Mines until the chain's clock shows `timestamp` seconds or more. */
    advanceTime(timestamp: number): Promise<ChainHead> {
      return this.mineUntil((head) => head.timestamp >= timestamp, { blocks: 100_000 });
    },

    /** Mines nothing while the task runs, so that what it sends comes into one block. */
    async hold<Result>(task: () => Promise<Result>): Promise<Result> {
      held += 1;
      try {
        return await task();
      } finally {
        held -= 1;
      }
    },

    /** Keeps mining slowly, whatever else happens; undefined stops that. */
    setPace(milliseconds: number | undefined): void {
      everyMs = milliseconds;
      lastMined = Date.now();
    },

    /** Mines no further block and fails the open goals at once; settles when the loop has ended. */
    async stop(): Promise<void> {
      stopped = true;
      for (const goal of goals) goal.reject(new MemoError("STOPPED", "The network is stopping."));
      goals = [];
      await running;
    },
  };
}

export type Conductor = ReturnType<typeof createConductor>;
