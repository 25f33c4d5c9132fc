import {
  type Abi,
  BaseError,
  ContractFunctionRevertedError,
  decodeErrorResult,
  type Hex,
  InsufficientFundsError,
} from "viem";
import { challengeSettlementAbi } from "../abi/generated/ChallengeSettlement.ts";
import { groupFactoryAbi } from "../abi/generated/GroupFactory.ts";
import { memoTokenAbi } from "../abi/generated/MemoToken.ts";
import { stakingAbi } from "../abi/generated/Staking.ts";
import { storageOrdersAbi } from "../abi/generated/StorageOrders.ts";
import { MemoError } from "../errors.ts";

/** A contract may pass on the error of another one that it called. */
const ALL_ERRORS: Abi = [
  groupFactoryAbi,
  stakingAbi,
  storageOrdersAbi,
  challengeSettlementAbi,
  memoTokenAbi,
].flatMap((abi) => abi.filter((item) => item.type === "error"));

/**
 * Turns what viem throws for a call into the project's error: `CONTRACT_<ErrorName>` with `details.args`
 * for a custom error, CONTRACT_REVERTED for any other revert, FUNDS_INSUFFICIENT when the account cannot
 * pay for gas and value, CHAIN_UNAVAILABLE (retryable) when the node did not answer.
 */
export function contractError(error: unknown, functionName: string): MemoError {
  if (error instanceof MemoError) return error;
  const base = error instanceof BaseError ? error : undefined;
  const reverted = base?.walk((cause) => cause instanceof ContractFunctionRevertedError);
  if (reverted instanceof ContractFunctionRevertedError) return revertError(reverted, functionName);
  if (base?.walk((cause) => cause instanceof InsufficientFundsError)) {
    return new MemoError(
      "FUNDS_INSUFFICIENT",
      `${functionName}: the account cannot pay for gas. Send it native coin.`,
      {
        details: { functionName },
        cause: error,
      },
    );
  }
  return new MemoError(
    "CHAIN_UNAVAILABLE",
    `${functionName}: the chain node did not take the call. Try again.`,
    {
      details: { functionName, reason: base?.shortMessage ?? String(error) },
      retryable: true,
      cause: error,
    },
  );
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
