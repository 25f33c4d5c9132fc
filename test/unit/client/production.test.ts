import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { buildManifest, mostManifestBytes } from "../../../client/store/buildManifest.ts";
import { createProduction, mostStripes, type StripeWindow } from "../../../client/store/production.ts";
import { bytesSource, fileSource, type Source } from "../../../client/store/source.ts";
import { PAYLOAD_BYTES } from "../../../protocol/constants.ts";
import { decodeManifestFile, openManifest } from "../../../protocol/object/manifest.ts";
import { type Policy, parsePolicy } from "../../../protocol/object/policy.ts";
import { createReedSolomon } from "../../../protocol/object/reedSolomon.ts";
import { wrapRootKey } from "../../../protocol/object/rootKey.ts";
import { decodePacked31 } from "../../../protocol/shard/packed31.ts";
import { errorCodeAsUser } from "../../support/unprivileged.ts";
import { noise, testRandom } from "../object/noise.ts";

const SOURCE = new URL("../../../client/store/source.ts", import.meta.url);

const random = testRandom();
const reedSolomon = createReedSolomon();
const rootKey = random(32);
const root = {
  rootKey,
  roots: [await wrapRootKey(rootKey, { by: "wallet", chainId: 1, secret: random(65) }, random)],
};

function produce(source: Source, policy: Policy, windowStripes = 2) {
  const context = { key: random(32), objectId: random(16), version: 1 };
  let seals = 0;
  const production = createProduction({
    source,
    context,
    policy,
    compress: false,
    windowStripes,
    reedSolomon,
    sealManifest(data) {
      seals++;
      return buildManifest({ name: "it", sequence: 1, storedAt: 1, context, policy, root, random, data });
    },
  });
  return { production, seals: () => seals };
}

async function collectAll<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const digestOf = (windows: readonly StripeWindow[]) => {
  const hash = createHash("sha256");
  for (const { stripes } of windows)
    for (const shards of stripes) for (const shard of shards) hash.update(shard);
  return hash.digest("hex");
};

describe("production of shards", () => {
  for (const [size, policy, stripes, kind] of [
    [0, "rs(6,3)", 1, "shared"],
    [1, "copies(3)", 1, "shared"],
    [126_976, "rs(6,3)", 1, "shared"],
    [126_976, "copies(2)", 3, "replicated"],
    [6 * 126_976 - 20, "rs(6,3)", 2, "replicated"],
    [6 * 126_976 + 1, "rs(6,3)", 3, "replicated"],
  ] as const) {
    it(`of ${size} bytes under ${policy} makes ${stripes} stripes with a ${kind} manifest`, async () => {
      const { production } = produce(bytesSource(noise(size, 1)), parsePolicy(policy));
      const windows = await collectAll(production.windows());
      assert.equal(
        windows.reduce((sum, window) => sum + window.stripes.length, 0),
        stripes,
      );
      const result = production.result()!;
      assert.equal(result.stripes, stripes);
      assert.equal(result.placement.kind, kind);
      assert.deepEqual(
        windows.map((window) => window.firstStripe),
        windows.map((_, index) => index * 2),
      );
      if (kind === "replicated") {
        const last = windows.at(-1)!.stripes.at(-1)!;
        for (const shard of last) assert.deepEqual(shard, last[0]);
        const body = openManifest(
          decodeManifestFile(decodePacked31(last[0]!).subarray(0, result.manifest.length)),
          rootKey,
        );
        assert.equal(body.extents[0]!.size, size);
      }
    });
  }

  it("makes the same shards and the same manifest each time, within the promised number of stripes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 4 * PAYLOAD_BYTES }),
        fc.constantFrom("rs(2,1)", "copies(1)", "rs(3,2)").map(parsePolicy),
        fc.integer({ min: 1, max: 4 }),
        async (size, policy, windowStripes) => {
          const { production, seals } = produce(bytesSource(noise(size, size)), policy, windowStripes);
          const first = digestOf(await collectAll(production.windows()));
          const before = seals();
          assert.equal(digestOf(await collectAll(production.windows())), first);
          assert.equal(seals(), before);
          const most = mostStripes(size, policy, (stripes, segments) =>
            mostManifestBytes({ name: "it", policy, roots: 1, stripes, segments }),
          );
          assert.ok(production.result()!.stripes <= most);
        },
      ),
      { numRuns: 15 },
    );
  });

  it("notices other bytes on a later run", async () => {
    for (const size of [10, 400_000]) {
      let bytes = noise(size, 1);
      const source = { size, open: () => [bytes], assertUnchanged: async () => {} };
      const { production } = produce(source, parsePolicy("copies(1)"));
      await collectAll(production.windows());
      bytes = bytes.with(3, bytes[3]! ^ 1);
      await assert.rejects(collectAll(production.windows()), { code: "FILE_CHANGED" });
    }
  });

  it("keeps a bounded number of stripes in memory", async () => {
    let read = 0;
    const chunk = noise(100_000, 1);
    const source: Source = {
      size: 100 * chunk.length,
      *open() {
        for (let i = 0; i < 100; i++) {
          read += chunk.length;
          yield chunk;
        }
      },
      async assertUnchanged() {},
    };
    const { production } = produce(source, parsePolicy("copies(1)"));
    const windows = production.windows();
    await windows.next();
    // Two stripes out, one held back, two segments of lookahead.
    assert.ok(read < 4 * 1_048_576, `${read} bytes read for the first window`);
    await windows.return(undefined);
  });
});

describe("file source", () => {
  let directory = "";
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "memo-source-"));
  });
  after(() => rm(directory, { recursive: true }));

  it("reads a file again and again", async () => {
    const path = join(directory, "stable");
    await writeFile(path, noise(300_000, 1));
    const source = await fileSource(path);
    assert.deepEqual([source.name, source.size], ["stable", 300_000]);
    for (let i = 0; i < 2; i++) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of source.open()) chunks.push(chunk);
      assert.ok(Buffer.concat(chunks).equals(noise(300_000, 1)));
    }
    await source.assertUnchanged();
  });

  it("says when a file cannot be read", async () => {
    const loop = join(directory, "loop");
    await symlink(loop, loop);
    await assert.rejects(fileSource(loop), { code: "FILE_UNREADABLE" });
  });

  it("says when this user may not read a file, or not look into its folder", async () => {
    const open = join(directory, "open");
    const [readable, locked] = [join(open, "readable"), join(open, "locked")];
    await mkdir(open, { mode: 0o755 });
    await chmod(directory, 0o755);
    await writeFile(readable, "x", { mode: 0o644 });
    await writeFile(locked, "x", { mode: 0o000 });
    const codeOf = (path: string) => errorCodeAsUser(SOURCE, "fileSource", path);
    assert.equal(await codeOf(readable), "none");
    assert.equal(await codeOf(locked), "FILE_UNREADABLE");
    await chmod(open, 0o000);
    assert.equal(await codeOf(readable), "FILE_UNREADABLE");
    await chmod(open, 0o755);
  });

  it("notices a file that has another length by the time it is read", async () => {
    for (const size of [10, 30]) {
      const path = join(directory, `length-${size}`);
      await writeFile(path, noise(20, 1));
      const source = await fileSource(path);
      await writeFile(path, noise(size, 1));
      await assert.rejects(
        (async () => {
          for await (const _ of source.open());
        })(),
        { code: "FILE_CHANGED" },
      );
    }
  });

  it("notices a file that was replaced by an equal one of the same age", async () => {
    const path = join(directory, "swapped");
    const write = async (to: string) => {
      await writeFile(to, "same");
      await utimes(to, 1_000, 1_000);
    };
    await write(path);
    const source = await fileSource(path);
    await source.assertUnchanged();
    await write(`${path}.new`);
    await rename(`${path}.new`, path);
    await assert.rejects(source.assertUnchanged(), { code: "FILE_CHANGED" });
  });
});
