import { BaseError, HttpRequestError, type PublicClient, TimeoutError } from "viem";

/** Asks a node by JSON-RPC. */
export type RpcRequest = (method: string, params?: readonly unknown[]) => Promise<unknown>;

/** Any method of the node behind a client, those of development chains too. */
export function rpcOf(client: PublicClient): RpcRequest {
  const request = client.request as (args: { method: string; params?: unknown }) => Promise<unknown>;
  return (method, params = []) => request({ method, params });
}

/** Whether nobody has answered at all, as against an answer that is an error. */
export function isUnanswered(error: unknown): boolean {
  if (!(error instanceof BaseError)) return false;
  return (
    error.walk((cause) => {
      if (cause instanceof TimeoutError) return true;
      return cause instanceof HttpRequestError && cause.status === undefined;
    }) !== null
  );
}

/** What went wrong, in one line. */
export function describeRpcError(error: unknown): string {
  if (error instanceof BaseError) return error.details || error.shortMessage;
  return error instanceof Error ? error.message : String(error);
}
