import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createEpochRecords } from "../../../keeper/epochRecords.ts";
import { openKeeperStore } from "../../../keeper/store.ts";
import type { CertificateInfo, GroupState } from "../../../protocol/chain/groupTypes.ts";
import { type ExceptionLeaf, exceptionsOf, exceptionsRoot } from "../../../protocol/results/exceptions.ts";
import { type ResultLeaf, resultsRoot } from "../../../protocol/results/results.ts";
import { hash } from "../../sim/repair/chain.ts";

const results: readonly ResultLeaf[] = [{ provider: 1, verdict: 2, cover: Uint8Array.of(0), parts: [] }];
const offer = { provider: 3, orderId: hash("a"), slot: 2, deadline: 9 };
const exceptions = exceptionsOf(results, { lost: [], offers: [offer] });
const certificate = {
  ...{ term: 0, epoch: 5, round: 0, absent: 0, leader: 1, signers: 7 },
  resultsRoot: resultsRoot(results),
  exceptionsRoot: exceptionsRoot(exceptions),
  exceptions: exceptions.length,
} as CertificateInfo;

function world(served: { results?: readonly ResultLeaf[]; exceptions?: readonly ExceptionLeaf[] } = {}) {
  const store = openKeeperStore(":memory:");
  const asked: string[] = [];
  const serve = <Leaf>(what: string, leaves: readonly Leaf[] | undefined) => {
    asked.push(what);
    return leaves === undefined ? Promise.reject(new Error(`no ${what}`)) : Promise.resolve(leaves);
  };
  const records = createEpochRecords({
    state: () => ({ certificates: new Map([[5, certificate]]) }) as unknown as GroupState,
    store,
    sources: {
      fetchResults: () => serve("results", served.results),
      fetchExceptions: () => serve("exceptions", served.exceptions),
    },
  });
  const decided = (leaves: readonly ExceptionLeaf[]) =>
    store.saveRecord({ epoch: 5, certificate, signers: 7, signatures: [], results, exceptions: leaves });
  return { records, store, asked, decided };
}

describe("what a keeper has of certified epochs", () => {
  it("needs nobody else for what was decided here", async () => {
    const { records, decided, asked } = world();
    decided(exceptions);
    await records.complete(certificate);
    assert.equal(records.isComplete(certificate), true);
    assert.deepEqual(records.exceptionsOf(5), exceptions);
    assert.deepEqual(asked, []);
  });

  it("is asked of others when this one did not take part", async () => {
    const { records, asked } = world({ results, exceptions });
    assert.equal(records.isComplete(certificate), false);
    await records.complete(certificate);
    assert.equal(records.isComplete(certificate), true);
    assert.deepEqual(records.exceptionsOf(5), exceptions);
    assert.deepEqual(asked, ["results", "exceptions"]);
  });

  it("has results even while nobody gives the exceptions, which nobody is told are none", async () => {
    const { records } = world({ results });
    await assert.rejects(records.complete(certificate), /no exceptions/);
    assert.deepEqual(await records.resultsOf(certificate), results);
    assert.equal(records.exceptionsOf(5), undefined);
    assert.equal(records.isComplete(certificate), false);
  });

  it("leaves out what is not under the roots on chain", async () => {
    const { records, decided } = world();
    decided(exceptions.slice(0, 1));
    assert.equal(records.exceptionsOf(5), undefined);
    decided(exceptionsOf(results, { lost: [], offers: [{ ...offer, slot: 1 }] }));
    assert.equal(records.exceptionsOf(5), undefined);
    assert.equal(records.exceptionsOf(6), undefined);
  });
});
