import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Address } from "viem";
import { CHOSEN_PARAMETERS } from "../../../ignition/modules/Group.ts";
import { readJournal } from "../../../ignition/readJournal.ts";
import type { DeploymentChoice } from "../../../ignition/runModules.ts";
import { packThresholds } from "../../../protocol/chain/parameters.ts";
import { NETWORKS } from "../../../scripts/deploy/options.ts";
import {
  checkParameters,
  type FixedChoice,
  readParameters,
  resolveChoice,
} from "../../../scripts/deploy/parameters.ts";
import { readFixedChoice, rememberChoice } from "../../../scripts/deploy/remembered.ts";

const FOLDER = "ignition/parameters";
const DEPLOYER: Address = "0x00000000000000000000000000000000000000d1";
const TREASURY: Address = "0x00000000000000000000000000000000000000d2";
/** A quarter past an hour. */
const NOW = 1_795_183_200 + 900;

const file = await readParameters(join(FOLDER, "sepolia.json5"));
const { treasury: _treasury, genesis: _genesis, ...values } = file.Group;
const withGroup = (changes: Record<string, unknown>) => ({
  ...file,
  Group: { ...values, ...changes },
});
const resolved = (changes: Record<string, unknown> = {}, fixed: FixedChoice = {}): DeploymentChoice =>
  resolveChoice(checkParameters(withGroup(changes)), { deployer: DEPLOYER, chainTime: NOW, fixed });

describe("parameter files", () => {
  it("are there for every network, and each says everything that cannot be changed later", async () => {
    assert.deepEqual((await readdir(FOLDER)).sort(), NETWORKS.map((name) => `${name}.json5`).sort());
    for (const network of NETWORKS) {
      const { Token, Factory, Group } = await readParameters(join(FOLDER, `${network}.json5`));
      const { group } = resolveChoice(
        { Token, Factory, Group },
        { deployer: DEPLOYER, chainTime: NOW, fixed: {} },
      );
      assert.deepEqual(Object.keys(group).sort(), [...CHOSEN_PARAMETERS].sort(), network);
      if (network !== "localhost") assert.equal(Factory!.appealWindowMin, 86_400, network);
    }
  });

  it("are read as JSON5 with amounts, and thresholds as a list", () => {
    assert.equal(file.Token!.supply, 10n ** 27n);
    assert.equal(file.Group.minKeeperStake, 10n ** 21n);
    assert.equal(file.Group.repairThresholds, packThresholds([2, 4, 12, 24]));
  });

  it("are refused by name when missing or malformed", async (t) => {
    const directory = await mkdtemp(join(tmpdir(), "memo-parameters-"));
    t.after(() => rm(directory, { recursive: true }));
    await assert.rejects(readParameters(join(directory, "none")), { code: "PARAMETERS_MISSING" });
    await writeFile(join(directory, "broken"), "{ Group: ");
    await assert.rejects(readParameters(join(directory, "broken")), { code: "PARAMETERS_MALFORMED" });
    for (const json of [null, [], "text", { Group: 1 }]) {
      assert.throws(() => checkParameters(json), { code: "PARAMETERS_MALFORMED" });
    }
  });

  it("are refused when a name is unknown, a value is missing or of another kind", () => {
    assert.throws(() => checkParameters({ ...file, Tokens: {} }), { code: "PARAMETER_UNKNOWN" });
    assert.throws(() => checkParameters(withGroup({ epochLenght: 60 })), {
      code: "PARAMETER_UNKNOWN",
      message: /Group\.epochLenght.*epochLength/,
    });
    assert.throws(() => checkParameters(withGroup({ token: TREASURY })), { code: "PARAMETER_UNKNOWN" });
    assert.throws(() => checkParameters({ Token: file.Token, Factory: file.Factory }), {
      code: "PARAMETER_MISSING",
    });
    const { samples: _, ...rest } = values;
    assert.throws(() => checkParameters({ ...file, Group: rest }), {
      code: "PARAMETER_MISSING",
      message: /Group\.samples/,
    });
    const wrong = [
      { samples: null },
      { samples: true },
      { samples: "" },
      { samples: "many" },
      { samples: 1.5 },
      { samples: -1 },
      { minPrice: "1e18" },
      { treasury: "0x12" },
      { blobAnswers: 1 },
      { blobAnswers: "false" },
      { genesis: "tomorrow" },
      { repairThresholds: [] },
      { repairThresholds: [2, 70_000] },
    ];
    for (const changes of wrong) {
      const name = JSON.stringify(changes);
      assert.throws(() => checkParameters(withGroup(changes)), { code: "PARAMETER_INVALID" }, name);
    }
  });

  it("are refused when a value does not fit into the contract's type", () => {
    checkParameters(withGroup({ epochLength: 2 ** 32 - 1, minPrice: 2n ** 128n - 1n }));
    for (const changes of [{ epochLength: 2 ** 32 }, { minPrice: 2n ** 128n }]) {
      assert.throws(() => checkParameters(withGroup(changes)), { code: "PARAMETER_OUT_OF_RANGE" });
    }
  });
});

describe("what a group is made with", () => {
  it("pays the deployer and begins with the next hour, if the file does not say", () => {
    assert.equal(resolved().group.treasury, DEPLOYER);
    assert.equal(resolved().group.genesis, NOW + 2700);
    assert.equal(resolved({ treasury: TREASURY }).group.treasury, TREASURY);
    assert.equal(resolved({ genesis: "now" }).group.genesis, NOW);
    assert.equal(resolved({ genesis: 1_795_000_000 }).group.genesis, 1_795_000_000);
    const onTheHour = { deployer: DEPLOYER, chainTime: NOW - 900, fixed: {} };
    assert.equal(resolveChoice(file, onTheHour).group.genesis, NOW - 900 + 3600);
  });

  it("stays what it was where transactions were sent for it, and says so when the file wants another", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "memo-remembered-"));
    t.after(() => rm(folder, { recursive: true }));
    const choice = resolved();
    await rememberChoice(folder, "main", choice);
    await rememberChoice(folder, "archive", { ...choice, group: { ...choice.group, samples: 32 } });

    const fixedBy = async (...futures: string[]) => {
      const line = (futureId: string) =>
        JSON.stringify({ type: "DEPLOYMENT_EXECUTION_STATE_INITIALIZE", futureId });
      await writeFile(join(folder, "journal.jsonl"), futures.map((each) => `\n${line(each)}`).join(""));
      return readFixedChoice(folder, "main", await readJournal(folder));
    };
    assert.deepEqual(await fixedBy(), {});
    assert.deepEqual(await fixedBy("Token#MemoToken", "Factory#GroupFactory", "Group_archive#createGroup"), {
      supply: choice.supply,
      facts: choice.facts,
    });
    const fixed = await fixedBy("Token#MemoToken", "Factory#GroupFactory", "Group_main#createGroup");
    assert.deepEqual(fixed, choice);

    const later = { deployer: TREASURY, chainTime: NOW + 100_000, fixed };
    assert.deepEqual(resolveChoice(file, later), choice);
    const change = (changes: object) => () => resolveChoice({ ...file, ...changes }, later);
    assert.throws(change({ Token: { supply: 1n } }), { code: "PARAMETER_CHANGED" });
    assert.throws(change({ Factory: { ...choice.facts, blobs: false } }), { code: "PARAMETER_CHANGED" });
    assert.throws(change({ Group: { ...file.Group, samples: 65 } }), { code: "PARAMETER_CHANGED" });
    assert.throws(change({ Group: { ...file.Group, genesis: 1 } }), { code: "PARAMETER_CHANGED" });
  });

  it("takes token and factory from what is there when the file does not say them", () => {
    const { supply, facts } = resolved();
    const alone = { Group: file.Group };
    const at = { deployer: DEPLOYER, chainTime: NOW };
    assert.deepEqual(resolveChoice(alone, { ...at, fixed: { supply, facts } }).facts, facts);
    assert.throws(() => resolveChoice(alone, { ...at, fixed: {} }), { code: "PARAMETER_MISSING" });
  });

  it("is refused when what was noted is damaged", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "memo-remembered-"));
    t.after(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, "parameters.json"), "{");
    await assert.rejects(readFixedChoice(folder, "main", new Map()), { code: "DEPLOYMENT_FOLDER_INVALID" });
  });
});
