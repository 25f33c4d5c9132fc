import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Abi, ContractFunctionRevertedError, encodeErrorResult, type Hex } from "viem";
import { challengeSettlementAbi } from "../../../protocol/abi/generated/ChallengeSettlement.ts";
import { disputesAbi } from "../../../protocol/abi/generated/Disputes.ts";
import { repairsAbi } from "../../../protocol/abi/generated/Repairs.ts";
import { contractError } from "../../../protocol/chain/contractErrors.ts";
import { hash } from "./blocks.ts";

/** What viem throws when a call of `ChallengeSettlement` reverts with this data. */
const thrown = (data: Hex) =>
  new ContractFunctionRevertedError({
    abi: challengeSettlementAbi as Abi,
    data,
    functionName: "applyExceptions",
  });

describe("the error of a call", () => {
  it("is named when it comes from another contract that was called", () => {
    const notReady = encodeErrorResult({ abi: disputesAbi, errorName: "DrawNotReady", args: [7n, 9n] });
    const unsettled = encodeErrorResult({
      abi: repairsAbi,
      errorName: "SlotNotSettled",
      args: [hash(1), 2, 3, 4],
    });
    const errors = [notReady, unsettled].map((data) => contractError(thrown(data), "applyExceptions"));
    assert.deepEqual(
      errors.map(({ code, details }) => [code, details?.args]),
      [
        ["CONTRACT_DrawNotReady", [7n, 9n]],
        ["CONTRACT_SlotNotSettled", [hash(1), 2, 3, 4]],
      ],
    );
  });

  it("is a revert without a name when no contract of a group knows it", () => {
    assert.equal(contractError(thrown("0x12345678"), "applyExceptions").code, "CONTRACT_REVERTED");
  });
});
