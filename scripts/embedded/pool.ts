import type { RpcRequest } from "./rpc.ts";

/** How nodes tell which transactions wait for a block, by method: Hardhat's first, anvil's second. */
const METHODS: readonly { method: string; waits: (answer: unknown) => boolean }[] = [
  { method: "eth_pendingTransactions", waits: (answer) => (answer as unknown[]).length > 0 },
  { method: "txpool_status", waits: (answer) => Number((answer as { pending: string }).pending) > 0 },
];

/** Looks whether transactions wait to be mined. The first look finds out how this node is asked. */
export function createPool(request: RpcRequest): () => Promise<boolean> {
  let known: (typeof METHODS)[number] | undefined;
  return async () => {
    if (known !== undefined) return known.waits(await request(known.method));
    let failure: unknown;
    for (const each of METHODS) {
      try {
        const waits = each.waits(await request(each.method));
        known = each;
        return waits;
      } catch (error) {
        failure ??= error;
      }
    }
    throw failure;
  };
}
