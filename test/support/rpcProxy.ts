import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

type Cut = { readonly isForwarded: boolean; readonly onCut: () => void };

/** Passes JSON-RPC on to a node, and can break off at a transaction: before the node gets it, or before the answer. */
export async function startRpcProxy(node: string) {
  let left = Number.POSITIVE_INFINITY;
  let cut: Cut | undefined;
  const pass = async (body: unknown): Promise<string> => {
    const headers = { "content-type": "application/json" };
    return (await fetch(node, { method: "POST", headers, body: JSON.stringify(body) })).text();
  };
  const server = createServer(async (request, response) => {
    const body = (await json(request)) as { method?: string };
    const isTransaction = /^eth_send(Raw)?Transaction$/.test(body.method ?? "");
    if (isTransaction && --left === 0) {
      if (cut?.isForwarded) await pass(body);
      cut?.onCut();
      return;
    }
    response.setHeader("content-type", "application/json");
    response.end(await pass(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Breaks off at the n-th transaction from now on. */
    cutAt: (transaction: number, how: Cut) => {
      left = transaction;
      cut = how;
    },
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
