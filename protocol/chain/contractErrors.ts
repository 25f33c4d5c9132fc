import {
  type Abi,
  BaseError,
  ContractFunctionRevertedError,
  decodeErrorResult,
  type Hex,
  InsufficientFundsError,
} from "viem";
import { challengeSettlementAbi } from "../abi/generated/ChallengeSettlement.ts";
import { disputesAbi } from "../abi/generated/Disputes.ts";
import { groupFactoryAbi } from "../abi/generated/GroupFactory.ts";
import { memoTokenAbi } from "../abi/generated/MemoToken.ts";
import { repairsAbi } from "../abi/generated/Repairs.ts";
import { stakingAbi } from "../abi/generated/Staking.ts";
import { storageOrdersAbi } from "../abi/generated/StorageOrders.ts";
import { MemoError } from "../errors.ts";

/** A contract may pass on the error of another one that it called. */
const ALL_ERRORS: Abi = [
  groupFactoryAbi,
  stakingAbi,
  storageOrdersAbi,
  challengeSettlementAbi,
  disputesAbi,
  repairsAbi,
  memoTokenAbi,
].flatMap((abi) => abi.filter((item) => item.type === "error"));

/**
 * Turns what viem throws for a call into the project's error: `CONTRACT_<ErrorName>` with `details.args`
 * for a custom error, CONTRACT_REVERTED for any other revert, FUNDS_INSUFFICIENT when the account cannot
 * pay for gas and value, TRANSACTION_REJECTED when the node refuses it for another reason, CHAIN_UNAVAILABLE
 * (retryable) when the node does not answer.
 */
export function contractError(error: unknown, functionName: string): MemoError {
  if (error instanceof MemoError) return error;
  const base = error instanceof BaseError ? error : undefined;
  const reverted = base?.walk((cause) => cause instanceof ContractFunctionRevertedError);
  if (reverted instanceof ContractFunctionRevertedError) return revertError(reverted, functionName);
  const details = { functionName, reason: reasonOf(base, error) };
  if (base?.walk((cause) => cause instanceof InsufficientFundsError) || /enough funds/.test(details.reason)) {
    return new MemoError(
      "FUNDS_INSUFFICIENT",
      `${functionName}: the account cannot pay for gas. Send it native coin.`,
      { details, cause: error },
    );
  }
  const unanswered =
    base === undefined || base.walk((cause) => UNANSWERED.includes((cause as Error).name)) !== null;
  if (unanswered) {
    return new MemoError("CHAIN_UNAVAILABLE", `${functionName}: the chain node does not answer. Try again.`, {
      details,
      retryable: true,
      cause: error,
    });
  }
  return new MemoError(
    "TRANSACTION_REJECTED",
    `${functionName}: the chain node refused it: ${details.reason}`,
    {
      details,
      cause: error,
    },
  );
}

/** viem's names for a node that did not answer, or not with what JSON-RPC knows. */
const UNANSWERED = [
  "HttpRequestError",
  "TimeoutError",
  "SocketClosedError",
  "WebSocketRequestError",
  "UnknownRpcError",
];

function reasonOf(base: BaseError | undefined, error: unknown): string {
  return base === undefined ? String(error) : base.details || base.shortMessage;
}

function revertError(reverted: ContractFunctionRevertedError, functionName: string): MemoError {
  const decoded = reverted.data ?? decodeKnown(reverted.raw);
  if (decoded !== undefined && decoded.errorName !== "Error" && decoded.errorName !== "Panic") {
    const args = [...(decoded.args ?? [])];
    return new MemoError(
      `CONTRACT_${decoded.errorName}`,
      `${functionName} was refused: ${decoded.errorName}(${args.map(String).join(", ")}).`,
      { details: { functionName, args }, cause: reverted },
    );
  }
  const reason = reverted.reason ?? reverted.shortMessage;
  return new MemoError("CONTRACT_REVERTED", `${functionName} was refused: ${reason}`, {
    details: { functionName, reason, data: reverted.raw },
    cause: reverted,
  });
}

function decodeKnown(data: Hex | undefined): { errorName: string; args: readonly unknown[] } | undefined {
  if (data === undefined || data === "0x") return undefined;
  try {
    const { errorName, args } = decodeErrorResult({ abi: ALL_ERRORS, data });
    return { errorName, args: args ?? [] };
  } catch {
    return undefined;
  }
}
