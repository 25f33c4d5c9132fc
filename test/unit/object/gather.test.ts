import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoError } from "../../../protocol/errors.ts";
import { type GatherOptions, gatherShards } from "../../../protocol/object/gather.ts";
import { createManualClock } from "../../../protocol/runtime/clock.ts";

type Source = { slot: number; from: string };

const bytes = (source: Source) => new TextEncoder().encode(source.from);
const gone = async () => {
  throw new MemoError("GONE", "gone");
};
const at = (slot: number, from = `holder ${slot}`): Source => ({ slot, from });

/** Gathers with a fetch by name of the source; what is not named gives its shard. */
async function gather(
  sources: readonly Source[],
  wanted: readonly number[],
  k: number,
  fetches: Record<string, () => Promise<Uint8Array>> = {},
  more: Partial<GatherOptions<Source>> = {},
) {
  const asked: string[] = [];
  const got = await gatherShards<Source>({
    sources,
    wanted,
    k,
    fetch(source) {
      asked.push(source.from);
      return (fetches[source.from] ?? (async () => bytes(source)))();
    },
    hedgeMs: 100,
    clock: createManualClock(),
    signal: new AbortController().signal,
    ...more,
  });
  return { asked, slots: [...got.keys()].sort() };
}

describe("gathering shards", () => {
  it("asks nobody but the wanted slots while those may come", async () => {
    assert.deepEqual(await gather([at(0), at(1), at(2), at(3)], [0], 2), { asked: ["holder 0"], slots: [0] });
  });

  it("asks for k in all once a wanted one failed, and for no more", async () => {
    const { asked, slots } = await gather([at(0), at(1), at(2), at(3)], [0], 2, { "holder 0": gone });
    assert.deepEqual(asked, ["holder 0", "holder 1", "holder 2"]);
    assert.deepEqual(slots, [1, 2]);
  });

  it("asks another source of a slot only when the ones before do not suffice", async () => {
    const sources = [at(0), at(1), at(2), at(0, "former 0"), at(1, "former 1")];
    const enough = await gather(sources, [0], 2, { "holder 0": gone });
    assert.deepEqual(enough.asked, ["holder 0", "holder 1", "holder 2"]);
    const needed = await gather(sources, [0], 2, { "holder 0": gone, "holder 1": gone });
    assert.deepEqual(needed.asked, ["holder 0", "holder 1", "holder 2", "former 0"]);
    assert.deepEqual(needed.slots, [0, 2]);
  });

  it("does not ask a second source for a slot whose shard is here", async () => {
    const sources = [at(1), at(0), at(1, "former 1"), at(0, "former 0")];
    const { asked } = await gather(sources, [0, 1], 2, { "holder 0": gone });
    assert.deepEqual(asked, ["holder 1", "holder 0", "former 0"]);
  });

  it("asks whom a failure names instead, before it gives up", async () => {
    const named = async (source: Source) => (source.from === "holder 0" ? at(0, "new 0") : undefined);
    const { asked, slots } = await gather([at(0)], [0], 1, { "holder 0": gone }, { onFailure: named });
    assert.deepEqual(asked, ["holder 0", "new 0"]);
    assert.deepEqual(slots, [0]);
  });

  it("does not wait for that as long as others can be asked", async () => {
    const never = () => new Promise<undefined>(() => {});
    const { slots } = await gather([at(0), at(1)], [0], 1, { "holder 0": gone }, { onFailure: never });
    assert.deepEqual(slots, [1]);
  });

  it("says who failed and why when k cannot be had; a failing look-up changes nothing", async () => {
    const broken = async () => {
      throw new Error("chain is away");
    };
    await assert.rejects(
      gather(
        [at(0), at(1), at(0, "former 0")],
        [0],
        2,
        { "holder 0": gone, "former 0": gone },
        { onFailure: broken },
      ),
      (error: MemoError) => {
        assert.equal(error.code, "TOO_FEW_SHARDS");
        assert.deepEqual(error.details, { needed: 2, got: 1, failures: { 0: "GONE" } });
        return true;
      },
    );
  });

  it("gives a slow one a rival after the delay, not before", async () => {
    const clock = createManualClock();
    const asked: string[] = [];
    const gathering = gatherShards<Source>({
      sources: [at(0), at(1)],
      wanted: [0],
      k: 1,
      fetch(source) {
        asked.push(source.from);
        return source.slot === 0 ? new Promise(() => {}) : Promise.resolve(bytes(source));
      },
      hedgeMs: 100,
      clock,
      signal: new AbortController().signal,
    });
    clock.advance(99);
    await new Promise(setImmediate);
    assert.deepEqual(asked, ["holder 0"]);
    clock.advance(1);
    assert.deepEqual([...(await gathering).keys()], [1]);
  });
});
