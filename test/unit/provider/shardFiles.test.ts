import assert from "node:assert/strict";
import * as nodeFileSystem from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { SHARD_BYTES } from "../../../protocol/constants.ts";
import { createShardFiles, type FileSystem } from "../../../provider/store/shardFiles.ts";
import { hash, makeDirectory, makeShard } from "./support.ts";

const ID = hash("upload");

/** Names of all files below `directory`. */
async function filesIn(directory: string): Promise<string[]> {
  const entries = await nodeFileSystem.readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

/** Calls of the file system in order; from call `dieAt` on nothing happens any more, as after a kill. */
function createDyingFileSystem(dieAt: number) {
  const calls: string[] = [];
  const step = (name: string) => {
    calls.push(name);
    if (calls.length > dieAt) throw Object.assign(new Error(`died at ${name}`), { code: "EIO" });
  };
  const wrapFile = (file: nodeFileSystem.FileHandle) =>
    new Proxy(file, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          if (property === "close") return target.close();
          step(`file.${String(property)}`);
          return Reflect.apply(value, target, args);
        };
      },
    });
  const fileSystem: FileSystem = {
    ...nodeFileSystem,
    mkdir: (async (...args: Parameters<typeof nodeFileSystem.mkdir>) => {
      step("mkdir");
      return nodeFileSystem.mkdir(...args);
    }) as typeof nodeFileSystem.mkdir,
    open: async (...args) => {
      step("open");
      return wrapFile(await nodeFileSystem.open(...args));
    },
    rename: async (...args) => {
      step("rename");
      return nodeFileSystem.rename(...args);
    },
    rm: async (...args) => {
      step("rm");
      return nodeFileSystem.rm(...args);
    },
  };
  return { fileSystem, calls };
}

describe("shard files", () => {
  it("gives back what was written, and knows what is there", async (t) => {
    const files = createShardFiles({ directory: makeDirectory(t) });
    await files.write(ID, 3, makeShard(1));
    assert.deepEqual(new Uint8Array(await files.read(ID, 3)), makeShard(1));
    assert.equal(await files.has(ID, 3), true);
    assert.equal(await files.has(ID, 4), false);
    await assert.rejects(files.read(ID, 4), { code: "SHARD_UNREADABLE" });
  });

  it("syncs the file before it gets its name, and the directory after", async (t) => {
    const { fileSystem, calls } = createDyingFileSystem(Number.POSITIVE_INFINITY);
    const files = createShardFiles({ directory: makeDirectory(t), fileSystem });
    await files.write(ID, 0, makeShard(1));
    calls.length = 0;
    await files.write(ID, 1, makeShard(2));
    assert.deepEqual(calls, ["mkdir", "open", "file.writeFile", "file.sync", "rename", "open", "file.sync"]);
  });

  it("survives death at every step: the old shard or the new one, whole, and no half file", async (t) => {
    const old = makeShard(1);
    const fresh = makeShard(2);
    const counter = createDyingFileSystem(Number.POSITIVE_INFINITY);
    await createShardFiles({ directory: makeDirectory(t), fileSystem: counter.fileSystem }).write(ID, 0, old);
    for (let dieAt = 0; dieAt <= counter.calls.length; dieAt++) {
      const directory = makeDirectory(t);
      await createShardFiles({ directory }).write(ID, 0, old);
      const dying = createShardFiles({ directory, fileSystem: createDyingFileSystem(dieAt).fileSystem });
      const acknowledged = await dying.write(ID, 0, fresh).then(
        () => true,
        () => false,
      );

      const restarted = createShardFiles({ directory });
      await restarted.recover(new Set([ID]));
      assert.deepEqual(await filesIn(directory), ["0.shard"], `half file after death at step ${dieAt}`);
      const found = new Uint8Array(await restarted.read(ID, 0));
      const isFresh = Buffer.compare(found, fresh) === 0;
      assert.ok(isFresh || Buffer.compare(found, old) === 0, `torn shard after death at step ${dieAt}`);
      if (acknowledged) assert.ok(isFresh, `acknowledged shard lost after death at step ${dieAt}`);
    }
  });

  it("removes half files and uploads that nobody knows at recovery, and nothing else", async (t) => {
    const directory = makeDirectory(t);
    const files = createShardFiles({ directory });
    await files.write(ID, 0, makeShard(1));
    await files.write(hash("stranger"), 0, makeShard(2));
    const group = join(directory, "v1", ID.slice(2, 4), ID.slice(2));
    await nodeFileSystem.writeFile(join(group, "5.shard.9.half"), "half");
    assert.deepEqual(await files.recover(new Set([ID])), { halfFiles: 1, strangers: 1 });
    assert.deepEqual(await filesIn(directory), ["0.shard"]);
  });

  it("calls a shard that is not whole unreadable", async (t) => {
    const directory = makeDirectory(t);
    const files = createShardFiles({ directory });
    await files.write(ID, 0, makeShard(1));
    const path = join(directory, "v1", ID.slice(2, 4), ID.slice(2), "0.shard");
    await nodeFileSystem.truncate(path, SHARD_BYTES - 1);
    assert.equal(await files.has(ID, 0), false);
    await assert.rejects(files.read(ID, 0), { code: "SHARD_UNREADABLE" });
  });

  it("says OUT_OF_SPACE when the disk is full and leaves nothing", async (t) => {
    const directory = makeDirectory(t);
    const full: FileSystem = {
      ...nodeFileSystem,
      rename: async () => {
        throw Object.assign(new Error("no space left"), { code: "ENOSPC" });
      },
    };
    const files = createShardFiles({ directory, fileSystem: full });
    await assert.rejects(files.write(ID, 0, makeShard(1)), { code: "OUT_OF_SPACE" });
    assert.deepEqual(await filesIn(directory), []);
  });
});
