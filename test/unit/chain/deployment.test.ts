import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import {
  findGroup,
  formatDeployment,
  parseDeployment,
  readDeployment,
  writeDeployment,
} from "../../../protocol/chain/deployment.ts";
import { packThresholds, thresholdsOf } from "../../../protocol/chain/parameters.ts";
import { testDeployment } from "./blocks.ts";

type Json = Record<string, unknown>;
const change = (changes: Json): string =>
  JSON.stringify({ ...(JSON.parse(formatDeployment(testDeployment)) as Json), ...changes });

describe("repair thresholds", () => {
  it("are sixteen numbers of 16 bits, the first in the highest bits, the last one repeated", () => {
    const packed = packThresholds([2, 0xffff, 12, 24]);
    assert.equal(packed, `0x0002ffff000c${"0018".repeat(13)}`);
    assert.deepEqual(thresholdsOf(packed), [2, 0xffff, 12, ...Array(13).fill(24)]);
  });
});

describe("deployment file", () => {
  it("comes back as written, money included", async () => {
    const dir = await mkdtemp(join(tmpdir(), "memo-deployment-"));
    const path = join(dir, "deployment.json");
    await writeDeployment(path, testDeployment);
    assert.deepEqual(await readDeployment(path), testDeployment);
    await assert.rejects(readDeployment(join(dir, "none")), { code: "DEPLOYMENT_MISSING" });
    await rm(dir, { recursive: true });
  });

  it("is refused by name when newer or older, and when anything in it is wrong", () => {
    assert.throws(() => parseDeployment(change({ version: 3 })), { code: "DEPLOYMENT_VERSION_NEWER" });
    assert.throws(() => parseDeployment(change({ version: 1 })), { code: "DEPLOYMENT_VERSION_OLD" });
    const [group] = (JSON.parse(formatDeployment(testDeployment)) as { groups: { parameters: Json }[] })
      .groups;
    const wrong = [
      "{",
      "[]",
      change({ token: "0x12" }),
      change({ groups: [] }),
      change({ extra: 1 }),
      change({ groups: [{ ...group, parameters: { ...group?.parameters, epochLength: 0 } }] }),
      change({ groups: [{ ...group, parameters: { ...group?.parameters, repairThresholds: "0x00" } }] }),
      change({ groups: [{ ...group, repairs: undefined }] }),
    ];
    for (const text of wrong) assert.throws(() => parseDeployment(text), { code: "DEPLOYMENT_INVALID" });
  });

  it("gives its only group, or the one that is named", () => {
    const [group] = testDeployment.groups;
    assert.equal(findGroup(testDeployment), group);
    assert.equal(findGroup(testDeployment, group!.settlement.toLowerCase()), group);
    assert.throws(() => findGroup(testDeployment, `0x${"00".repeat(20)}`), { code: "GROUP_UNKNOWN" });
    const two = {
      ...testDeployment,
      groups: [group!, { ...group!, settlement: `0x${"99".repeat(20)}` as const }],
    };
    assert.throws(() => findGroup(two), { code: "GROUP_UNKNOWN" });
  });
});
