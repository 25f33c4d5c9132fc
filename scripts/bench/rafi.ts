import { type Hex, keccak256, stringToBytes, zeroAddress } from "viem";
import { createChallenges } from "../../keeper/challenge/challenges.ts";
import { createRepairPlanner, type RepairPlan } from "../../keeper/repair/plan.ts";
import { epochSet } from "../../protocol/chain/groupState.ts";
import type {
  CertificateInfo,
  GroupState,
  OrderInfo,
  ProviderInfo,
} from "../../protocol/chain/groupTypes.ts";
import { packThresholds } from "../../protocol/chain/parameters.ts";
import { coverBytes, fullCover } from "../../protocol/results/cover.ts";
import { VERDICT } from "../../protocol/results/judge.ts";
import type { ResultLeaf } from "../../protocol/results/results.ts";
import type { BenchRow } from "./row.ts";

const ORDERS = 10_000;
const SLOTS = 9;
const PARITIES = 3;
const STRIPES = 20;
const PROVIDERS = 1_000;
/** Providers that are silent from the first epoch on. */
const SILENT = 10;
const EPOCHS = 6;

const hash = (text: string): Hex => keccak256(stringToBytes(text));

/** A group of 90,000 slots, each provider with 90 of them. */
function bigGroup(): GroupState {
  const providers = Array.from(
    { length: PROVIDERS },
    (_, index) =>
      ({
        ...{ id: index + 1, domain: hash(`domain ${index % 50}`), ask: 1n, repairs: true, exiting: false },
        ...{ stake: 10n ** 24n, locked: 10n ** 21n, registeredAt: 0 },
      }) as ProviderInfo,
  );
  const orders = Array.from({ length: ORDERS }, (_, sequence) => {
    const holders = Array.from({ length: SLOTS }, (_, slot) => ((sequence * SLOTS + slot) % PROVIDERS) + 1);
    const policy = (1 << 16) | ((SLOTS - PARITIES) << 8) | PARITIES;
    return {
      id: hash(`order ${sequence}`),
      order: { providers: holders, policy, stripes: STRIPES, price: 1n, startEpoch: 0, endEpoch: 10_000 },
      ...{ sequence, endEpoch: 10_000, closed: false, settledTo: 0 },
      slots: holders.map((holder, slot) => ({
        slot,
        holder,
        since: 0,
        voided: false,
        changed: false,
        expiries: 0,
      })),
    } as unknown as OrderInfo;
  });
  return {
    parameters: {
      ...{ repairThresholds: packThresholds([2, 4, 12, 24]), offerEpochs: 6, offerExpiries: 4 },
      ...{ coolOffEpochs: 24, freezeShare: 2_000, freezeEpochs: 24, repairBudget: 1_000, evictionCap: 1_000 },
      ...{ minProviderStake: 1n, collateralPerShard: 10n ** 15n, samples: 64 },
    },
    providers: new Map(providers.map((each) => [each.id, each])),
    orders: new Map(orders.map((each) => [each.id, each])),
    certificates: new Map(),
    head: { number: 1, hash: "0x", timestamp: 0 },
    expiredOffers: [],
  } as unknown as GroupState;
}

/** What RAFI costs a keeper of a large group: per epoch, and per proposal that it checks. */
export async function measure(): Promise<BenchRow[]> {
  const state = bigGroup();
  const results = new Map<number, readonly ResultLeaf[]>();
  const challenges = createChallenges({
    chainId: 1,
    group: zeroAddress,
    samples: state.parameters.samples,
    resultsOf: async ({ epoch }) => results.get(epoch)!,
  });
  const times = { update: [] as number[], index: [] as number[], plan: [] as number[] };
  const timed = async <Result>(into: number[], task: () => Result | Promise<Result>): Promise<Result> => {
    const start = performance.now();
    const result = await task();
    into.push(performance.now() - start);
    return result;
  };
  let certificates: GroupState["certificates"] = new Map();
  let plan: RepairPlan | undefined;
  for (let epoch = 1; epoch <= EPOCHS; epoch++) {
    const now: GroupState = { ...state, certificates };
    challenges.started(epochSet(now, epoch), now);
    challenges.seeded(epoch, hash(`seed ${epoch}`));
    challenges.cutOff(epoch, now);
    const challenge = (await challenges.challenge(epoch))!;
    const context = (await timed(times.update, () => challenges.repairs(epoch)))!;
    const planner = await timed(times.index, () => createRepairPlanner(context));
    const leaves = challenge.set.map(({ provider, pairs }): ResultLeaf => {
      const silent = provider <= SILENT;
      const cover = silent ? new Uint8Array(coverBytes(pairs)) : fullCover(pairs);
      return { provider, verdict: silent ? VERDICT.missed : VERDICT.passed, cover, parts: [] };
    });
    plan = await timed(times.plan, () => planner(leaves));
    results.set(epoch, leaves);
    const certificate = { epoch, exceptions: SILENT } as CertificateInfo;
    certificates = new Map([...certificates, [epoch, certificate]]);
  }
  const last = (all: readonly number[]) => all.at(-1)!;
  const group = `${ORDERS.toLocaleString("en-US")} orders × ${SLOTS} slots, ${SILENT} of ${PROVIDERS.toLocaleString("en-US")} providers silent`;
  const gone = plan?.lost.reduce((sum, { entries }) => sum + entries.length, 0) ?? 0;
  const row = (name: string, value: number): BenchRow => ({ area: "rafi", name, value, unit: "ms" });
  return [
    {
      ...row(`clocks and challenge of one epoch (${group})`, last(times.update)),
      goal: "≤ 3,000",
      met: last(times.update) <= 3_000,
    },
    {
      ...row("one look over all orders, per epoch", last(times.index)),
      goal: "≤ 200",
      met: last(times.index) <= 200,
    },
    {
      ...row(
        `lost slots and offers of one proposal (${gone} lost, ${plan?.offers.length ?? 0} offered)`,
        last(times.plan),
      ),
      goal: "≤ 2,000",
      met: last(times.plan) <= 2_000,
    },
  ];
}
