import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoError } from "../../../protocol/errors.ts";
import { createAcceptRepair } from "../../../provider/repair/accept.ts";
import type { Transactions } from "../../../provider/transactions.ts";
import { createRepairWorld } from "./repairSupport.ts";
import { SETTLEMENT, STORAGE_ORDERS } from "./support.ts";

const never = new AbortController().signal;

/** Accepts slot 3 on a chain that refuses it with these errors, one after the other. */
async function accept(refusals: MemoError[]) {
  const repair = createRepairWorld({ stripes: 1 });
  const sent: [string, readonly unknown[]][] = [];
  const send = (async ({ functionName, args }: { functionName: string; args: readonly unknown[] }) => {
    sent.push([functionName, args.slice(1)]);
    const refusal = functionName === "acceptRepair" ? refusals.shift() : undefined;
    if (refusal !== undefined) throw refusal;
    return { minedAt: 9 };
  }) as unknown as Transactions["send"];
  const view = { storageOrders: STORAGE_ORDERS, state: () => ({ repairs: SETTLEMENT }) };
  const outcome = await createAcceptRepair({ view, transactions: { send } })(repair.info(), 3, never).catch(
    (error: unknown) => error,
  );
  return { sent, outcome };
}

const unsettled = (settledTo: number) =>
  new MemoError("CONTRACT_SlotNotSettled", "settle first", { details: { args: ["0x", 3, settledTo, 24] } });

describe("taking over a slot", () => {
  it("is one transaction when nothing is in the way", async () => {
    const { sent, outcome } = await accept([]);
    assert.deepEqual(sent, [["acceptRepair", [3]]]);
    assert.deepEqual(outcome, { minedAt: 9 });
  });

  it("settles the order first when the slot changed hands before, page by page", async () => {
    const { sent, outcome } = await accept([unsettled(20), unsettled(22)]);
    assert.deepEqual(sent, [
      ["acceptRepair", [3]],
      ["settle", [24]],
      ["acceptRepair", [3]],
      ["settle", [24]],
      ["acceptRepair", [3]],
    ]);
    assert.deepEqual(outcome, { minedAt: 9 });
  });

  it("does not settle for ever, nor for another reason", async () => {
    const endless = await accept(Array.from({ length: 100 }, () => unsettled(20)));
    assert.equal((endless.outcome as MemoError).code, "CONTRACT_SlotNotSettled");
    assert.equal(endless.sent.length, 33);
    const gone = await accept([new MemoError("CONTRACT_OfferMissing", "gone")]);
    assert.equal((gone.outcome as MemoError).code, "CONTRACT_OfferMissing");
    assert.equal(gone.sent.length, 1);
  });
});
