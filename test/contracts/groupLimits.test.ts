import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { type Abi, type Address, getAddress, parseEventLogs, zeroAddress, zeroHash } from "viem";
import { embeddedParameters } from "../../ignition/deploy.ts";
import { groupFactoryAbi } from "../../protocol/abi/generated/GroupFactory.ts";
import { packThresholds } from "../../protocol/chain/parameters.ts";
import { readParameters, resolveChoice } from "../../scripts/deploy/parameters.ts";
import { createTestChain, rejectsWith, type TestChain, testAccount } from "../support/contracts/chain.ts";
import { APPEAL_WINDOW_MIN, CHAIN_FACTS, createFactory } from "../support/contracts/factory.ts";
import { PARAMETERS, TOKENS } from "../support/contracts/group.ts";

type Values = Partial<Record<keyof typeof PARAMETERS | "genesis" | "token" | "treasury", unknown>>;
type Range = {
  readonly name: keyof Values;
  readonly min: number | bigint;
  readonly max: number | bigint;
  /** What else has to be chosen so that this range is what holds. */
  readonly given?: Values;
};
const DAY = 86_400;
const SPAN_MAX = 180 * DAY;

let chain: TestChain;
let factory: Address;
let logic: Record<string, Address>;
let token: Address;
let defaults: Values;
/** Parameters are refused or taken; nothing is made. */
const tryCreate = async (overrides: Values, at = factory) =>
  await chain.publicClient.simulateContract({
    address: at,
    abi: groupFactoryAbi as Abi,
    functionName: "createGroup",
    args: [{ ...defaults, ...overrides }, zeroHash],
    account: testAccount(0).address,
  });

before(async () => {
  chain = await createTestChain();
  ({ factory, token, logic } = await createFactory(chain));
  defaults = { ...PARAMETERS, token, treasury: testAccount(7).address, genesis: await chain.time() };
});
after(() => chain.close());

/** Both ends are taken; what is one less or one more is refused, with the range. */
async function checkRange(range: Range, at?: Address): Promise<void> {
  const { name, given = {} } = range;
  const [min, max] = [BigInt(range.min), BigInt(range.max)];
  for (const value of [min, max]) {
    await assert.doesNotReject(tryCreate({ ...given, [name]: value }, at), `${name} ${value}`);
  }
  for (const value of [min - 1n, max + 1n]) {
    if (value < 0n) continue;
    await rejectsWith(tryCreate({ ...given, [name]: value }, at), "ParameterOutOfRange", [
      name,
      value,
      min,
      max,
    ]);
  }
}

test("every parameter has a least and a greatest value", async () => {
  const weekly = {
    epochLength: 7 * DAY,
    payerDelay: 7 * DAY,
    unbondingDelay: 730 * DAY,
    maxGap: 4,
    termLength: 25,
  };
  const long = { unbondingDelay: 730 * DAY };
  const ranges: Range[] = [
    {
      name: "epochLength",
      min: 10,
      max: 7 * DAY,
      given: { ...weekly, seedDelay: 4, answerWindow: 4, applyWindow: 60 },
    },
    {
      name: "applyWindow",
      min: 60,
      max: 30 * DAY,
      given: { epochLength: 3 * 3600, payerDelay: DAY, ...long },
    },
    {
      name: "applyWindowBlocks",
      min: 8,
      max: 30 * DAY,
      given: { epochLength: 3 * 3600, payerDelay: DAY, ...long },
    },
    { name: "applyWindowBlocks", min: 5, max: (256 - 4 - 2) * 60, given: { confirmations: 1, ...long } },
    { name: "payerDelay", min: 60, max: 90 * DAY },
    {
      name: "confirmations",
      min: 1,
      max: 192,
      given: {
        epochLength: 3600,
        payerDelay: 3600,
        appealWindowBlocks: 768,
        applyWindowBlocks: 768,
        ...long,
      },
    },
    { name: "maxGap", min: 1, max: 64, given: long },
    { name: "samples", min: 1, max: 1024 },
    { name: "termLength", min: 2, max: 65_535 },
    { name: "minKeeperStake", min: 20, max: 10n ** 27n },
    {
      name: "minProviderStake",
      min: 1,
      max: 10n ** 27n,
      given: { collateralPerShard: 1n, repairBonusPerShard: 0n },
    },
    {
      name: "collateralPerShard",
      min: 1,
      max: 10n ** 24n,
      given: { repairBonusPerShard: 0n, minProviderStake: 10n ** 24n },
    },
    { name: "minPrice", min: 100n << 32n, max: 10n ** 36n },
    { name: "appealWindow", min: APPEAL_WINDOW_MIN, max: 30 * DAY, given: long },
    { name: "appealWindowBlocks", min: 8, max: 30 * DAY, given: long },
    { name: "appealWindowBlocks", min: 5, max: 30 * DAY, given: { ...long, confirmations: 1 } },
    { name: "protectionEpochs", min: 0, max: 10_000 },
    { name: "evictionCap", min: 1, max: 10_000 },
    { name: "challengeBond", min: 1, max: 10n * TOKENS },
    { name: "offerEpochs", min: 1, max: 1024 },
    { name: "offerExpiries", min: 1, max: 255 },
    { name: "coolOffEpochs", min: 0, max: 10_000 },
    { name: "freezeShare", min: 1, max: 10_000 },
    { name: "freezeEpochs", min: 0, max: 1024 },
    { name: "repairBudget", min: 1, max: 1_000_000, given: { applyWindowBlocks: 10_001, ...long } },
    { name: "rejoinEpochs", min: 1, max: 10_000 },
    { name: "lockShare", min: 1, max: 10_000 },
  ];
  for (const range of ranges) await checkRange(range);
  const now = await chain.time();
  // A simulated call sees the pending block's time, which is the latest's or later.
  for (const genesis of [now - 29 * DAY, now + 30 * DAY]) await tryCreate({ genesis });
  for (const genesis of [now - 31 * DAY, now + 31 * DAY]) {
    await rejectsWith(tryCreate({ genesis }), "ParameterOutOfRange");
  }
});

test("an epoch holds the delay of its seed, the time to answer and the blocks until that is final", async () => {
  const given = { confirmations: 2 };
  await checkRange({ name: "seedDelay", min: 4, max: 54, given: { ...given, answerWindow: 4 } });
  await checkRange({ name: "answerWindow", min: 4, max: 60 - 20 - 2, given: { ...given, seedDelay: 20 } });
  await rejectsWith(tryCreate({ confirmations: 21 }), "ParameterOutOfRange", ["answerWindow", 20n, 4n, 19n]);
  await rejectsWith(tryCreate({ confirmations: 61 }), "ParameterOutOfRange", ["seedDelay", 20n, 4n, 0n]);
});

test("the ring of epochs that wait never overflows by keeping to the windows, even after a gap", async () => {
  const unbondingDelay = 730 * DAY;
  for (const maxGap of [1, 64]) {
    const most = (256 - maxGap - 2) * 60;
    await checkRange({ name: "applyWindow", min: 60, max: most, given: { maxGap, unbondingDelay } });
    await checkRange({ name: "applyWindowBlocks", min: 8, max: most, given: { maxGap, unbondingDelay } });
  }
});

test("windows in blocks outlast what nodes wait until a block is final", async () => {
  const given = {
    ...{ confirmations: 5, applyWindowBlocks: 20, appealWindowBlocks: 20, unbondingDelay: 730 * DAY },
  };
  await checkRange({ name: "applyWindowBlocks", min: 20, max: 250 * 60, given });
  await checkRange({ name: "appealWindowBlocks", min: 20, max: 30 * DAY, given });
});

test("stake stays within reach for all windows, whether seconds or blocks make them long", async () => {
  const given = {
    applyWindow: 700,
    applyWindowBlocks: 20,
    maxGap: 3,
    appealWindow: 130,
    appealWindowBlocks: 12,
  };
  const most = 730 * DAY;
  await checkRange({ name: "unbondingDelay", min: 700 + 5 * 60 + 2 * 130, max: most, given });
  const byBlocks = { ...given, applyWindowBlocks: 900, appealWindowBlocks: 400 };
  await checkRange({ name: "unbondingDelay", min: 900 + 5 * 60 + 2 * 400, max: most, given: byBlocks });
});

test("who has the least stake can lock a shard in any epoch, and a bonus is at most half of what a shard locks", async () => {
  const given = { collateralPerShard: 101n, repairBonusPerShard: 0n, lockShare: 3333 };
  // ⌈101 · 10,000 / 3,333⌉
  await checkRange({ name: "minProviderStake", min: 304, max: 10n ** 27n, given });
  await checkRange({ name: "repairBonusPerShard", min: 0, max: 50, given });
});

test("keepers can apply in time what a repair budget allows", async () => {
  const given = { applyWindowBlocks: 9 };
  await checkRange({ name: "repairBudget", min: 1, max: 900, given });
});

test("nothing that is counted in epochs holds anybody up for more than half a year", async () => {
  const epochLength = 5 * DAY;
  const most = SPAN_MAX / epochLength;
  const given = {
    ...{ epochLength, payerDelay: epochLength, unbondingDelay: 730 * DAY, maxGap: 4, termLength: 30 },
    ...{ protectionEpochs: 0, rejoinEpochs: 1, offerEpochs: 1, coolOffEpochs: 0, freezeEpochs: 0 },
  };
  const ranges = {
    ...{ maxGap: 1, termLength: 2, protectionEpochs: 0, rejoinEpochs: 1 },
    ...{ offerEpochs: 1, coolOffEpochs: 0, freezeEpochs: 0 },
  };
  for (const [name, min] of Object.entries(ranges)) {
    await checkRange({ name: name as keyof Values, min, max: most, given });
  }
  await tryCreate({ ...given, repairThresholds: packThresholds([2, most]) });
  const tooLong = tryCreate({ ...given, repairThresholds: packThresholds([2, most + 1]) });
  await rejectsWith(tooLong, "ParameterOutOfRange", ["repairThresholds", BigInt(most + 1), 2n, BigInt(most)]);
});

test("thresholds start at two and never fall", async () => {
  const refused = async (repairThresholds: string, ...range: bigint[]) =>
    await rejectsWith(tryCreate({ repairThresholds }), "ParameterOutOfRange", ["repairThresholds", ...range]);
  await tryCreate({ repairThresholds: packThresholds([2]) });
  await tryCreate({ repairThresholds: `0x${"ffff".repeat(16)}` });
  await refused(packThresholds([1]), 1n, 2n, 65_535n);
  await refused(packThresholds([2, 4, 3]), 3n, 4n, 65_535n);
  await refused(`0x${"0002".repeat(15)}0001`, 1n, 2n, 65_535n);
});

test("the factory turns blocks into seconds by what is true of its chain", async () => {
  const facts = { blockTime: 12, appealWindowMin: DAY, blobs: false };
  const at = await chain.deploy("GroupFactory", [logic, facts]);
  const given = {
    ...{ epochLength: 3600, seedDelay: 48, answerWindow: 48, payerDelay: 3600, appealWindow: DAY },
    ...{ blobAnswers: false, unbondingDelay: 730 * DAY },
  };
  await checkRange({ name: "seedDelay", min: 48, max: 3600 - 48 - 2 * 12, given }, at);
  await checkRange({ name: "answerWindow", min: 48, max: 3600 - 48 - 2 * 12, given }, at);
  await checkRange({ name: "applyWindowBlocks", min: 8, max: (250 * 3600) / 12, given }, at);
  await checkRange({ name: "appealWindow", min: DAY, max: 30 * DAY, given }, at);
  await checkRange({ name: "appealWindowBlocks", min: 8, max: (30 * DAY) / 12, given }, at);
  const windows = 600 + 6 * 3600 + 2 * 7300 * 12;
  const byBlocks = { ...given, appealWindowBlocks: 7300 };
  await checkRange({ name: "unbondingDelay", min: windows, max: 730 * DAY, given: byBlocks }, at);
  const limits = await chain.read<Record<string, number | bigint>>(at, groupFactoryAbi as Abi, "limits");
  assert.deepEqual([limits.blockTime, limits.appealWindowMin], [12, DAY]);
  assert.deepEqual([limits.seedDelayMin, limits.appealWindowBlocksMax], [48, (30 * DAY) / 12]);
});

test("answers as blobs can be demanded only where the chain has blobs", async () => {
  const without = await chain.deploy("GroupFactory", [logic, { ...CHAIN_FACTS, blobs: false }]);
  await tryCreate({ blobAnswers: true });
  await tryCreate({ blobAnswers: false }, without);
  await rejectsWith(tryCreate({ blobAnswers: true }, without), "ParameterOutOfRange", [
    "blobAnswers",
    1n,
    0n,
    0n,
  ]);
});

test("what is said of the chain has limits too", async () => {
  for (const [facts, name] of [
    [{ blockTime: 0 }, "blockTime"],
    [{ blockTime: 61 }, "blockTime"],
    [{ appealWindowMin: 59 }, "appealWindowMin"],
    [{ appealWindowMin: 30 * DAY + 1 }, "appealWindowMin"],
  ] as const) {
    const refused = chain.deploy("GroupFactory", [logic, { ...CHAIN_FACTS, ...facts }]);
    await assert.rejects(refused, new RegExp(`ParameterOutOfRange\\("?${name}`), name);
  }
  for (const facts of [{ blockTime: 60 }, { appealWindowMin: 30 * DAY }]) {
    assert.ok(await chain.deploy("GroupFactory", [logic, { ...CHAIN_FACTS, ...facts }]));
  }
});

test("the token is one, and the treasury somebody who can spend", async () => {
  await rejectsWith(tryCreate({ token: testAccount(9).address }), "TokenNotContract", [
    testAccount(9).address,
  ]);
  await rejectsWith(tryCreate({ token: factory }), "TokenNotContract", [getAddress(factory)]);
  await rejectsWith(tryCreate({ treasury: zeroAddress }), "TreasuryMissing");
  const abi = groupFactoryAbi as Abi;
  const creator = testAccount(0).address;
  const contracts = await chain.read<Record<string, Address>>(factory, abi, "predictGroup", [
    creator,
    zeroHash,
  ]);
  for (const treasury of [token, ...Object.values(contracts)]) {
    await rejectsWith(tryCreate({ treasury }), "TreasuryCannotSpend", [getAddress(treasury)]);
  }
});

test("every parameter file, and what the embedded network uses, fits the chain that it is for", async () => {
  await tryCreate({ ...embeddedParameters() });
  const folder = new URL("../../ignition/parameters/", import.meta.url);
  const files = await readdir(folder);
  assert.ok(files.length > 0);
  for (const file of files) {
    const chainTime = await chain.time();
    const read = await readParameters(new URL(file, folder).pathname);
    const choice = resolveChoice(read, { deployer: testAccount(7).address, chainTime, fixed: {} });
    const at = await chain.deploy("GroupFactory", [logic, choice.facts]);
    await assert.doesNotReject(tryCreate({ ...choice.group }, at), file);
  }
});

test("limits that a factory shows are those that it applies, and the group carries what was asked for", async () => {
  const limits = await chain.read<Record<string, bigint | number>>(factory, groupFactoryAbi as Abi, "limits");
  const parameters = { ...defaults, samples: limits.samplesMax, minPrice: limits.minPriceMin };
  const { request } = await tryCreate(parameters);
  const receipt = await chain.send({
    ...(request as never as { address: Address; abi: Abi; functionName: string }),
  });
  const [created] = parseEventLogs({ abi: groupFactoryAbi, eventName: "GroupCreated", logs: receipt.logs });
  assert.equal(created!.args.parameters.samples, limits.samplesMax);
  assert.equal(created!.args.parameters.minPrice, limits.minPriceMin);
});
