import { type ExecutionEventListener, ExecutionEventType } from "@nomicfoundation/ignition-core";

const camelCase = (type: string): string =>
  type.toLowerCase().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** Tells each transaction that is sent and each one that is done. */
export function createProgress(say: (line: string) => void): ExecutionEventListener {
  const silent = async (): Promise<void> => undefined;
  const listener = Object.fromEntries(
    Object.values(ExecutionEventType).map((type) => [camelCase(type), silent]),
  ) as unknown as ExecutionEventListener;
  const done = async (event: { readonly futureId: string; readonly result: { readonly type: string } }) =>
    say(`  ${event.result.type === "SUCCESS" ? "done" : "FAILED"}  ${event.futureId}`);
  return {
    ...listener,
    transactionSend: async ({ futureId, hash }) => say(`  sent  ${futureId}  ${hash}`),
    onchainInteractionBumpFees: async ({ futureId }) => say(`  sent again with a higher fee  ${futureId}`),
    deploymentExecutionStateComplete: done,
    callExecutionStateComplete: done,
  };
}
