import { isDeepStrictEqual } from "node:util";
import { type Challenges, createChallenges } from "../../../keeper/challenge/challenges.ts";
import { createEquivocationWatch } from "../../../keeper/consensus/equivocation.ts";
import { createRepairPlanner } from "../../../keeper/repair/plan.ts";
import type { CertificateInfo, GroupState, OrderInfo } from "../../../protocol/chain/groupTypes.ts";
import { slotKey } from "../../../protocol/challenge/sample.ts";
import { coveredPairs } from "../../../protocol/results/cover.ts";
import type { ResultLeaf } from "../../../protocol/results/results.ts";
import { BYZANTINE_STYLES, type ByzantineStyle } from "../consensus/byzantine.ts";
import { type InstanceResult, simulateInstance } from "../consensus/simulate.ts";
import type { Conduct, SimProvider } from "../consensus/world.ts";
import { createRandom, type Random } from "../random.ts";
import { acceptOffers, applyPlan, groupState, hash, orderInfo, providerInfo, setAt } from "./chain.ts";
import { type LoggedEpoch, oraclePlan } from "./oracle.ts";

const CHAIN_ID = 1;
const GROUP = "0x00000000000000000000000000000000000000cc";

export type RepairSimulation = {
  readonly seed: number;
  readonly style: ByzantineStyle | "down";
  /** Broken properties in words; empty when all held. */
  readonly violations: readonly string[];
  readonly lost: number;
  readonly offers: number;
  readonly accepted: number;
  /** Epochs without certificate. */
  readonly gaps: number;
  /** Certificates that came on chain after the next cut-off. */
  readonly late: number;
  readonly equivocations: number;
};

/** One correct keeper: what it knows of the chain, and the results that it decided. */
type Keeper = { readonly challenges: Challenges; readonly results: Map<number, readonly ResultLeaf[]> };

/** A decided epoch on its way to the chain. */
type Pending = {
  readonly certificate: CertificateInfo;
  readonly plan: Parameters<typeof applyPlan>[2];
  readonly logged: LoggedEpoch;
  readonly lands: "start" | "cutoff" | "late";
};

/**
 * Many epochs of one group with f of its keepers byzantine in one way or down: providers fail for a while or for
 * good, certificates come late or never, at times all keepers are down. Every correct keeper must ask the same
 * of every provider and decide the same; lost slots and offers must be those of the oracle.
 */
export async function simulateRepairs(options: {
  seed: number;
  members: number;
  epochs: number;
}): Promise<RepairSimulation> {
  const { seed, members, epochs } = options;
  const random = createRandom(seed);
  const faulty = random.below(members);
  const style = random.pick([...BYZANTINE_STYLES, "down"] as const);
  const correct = Array.from({ length: members }, (_, member) => member).filter(
    (member) => member !== faulty,
  );
  const violations: string[] = [];
  const log: LoggedEpoch[] = [];
  const accused = new Set<number>();
  const counts = { lost: 0, offers: 0, accepted: 0, gaps: 0, late: 0, equivocations: 0 };
  let state = drawGroup(random);
  let pending: Pending | undefined;

  const keepers = new Map<number, Keeper>();
  for (const member of correct) {
    const results: Keeper["results"] = new Map();
    const challenges = createChallenges({
      chainId: CHAIN_ID,
      group: GROUP,
      samples: state.parameters.samples,
      // What a keeper did not decide itself it fetches from one that did.
      async resultsOf({ epoch }) {
        const source = [results, ...[...keepers.values()].map((keeper) => keeper.results)];
        const found = source.find((each) => each.has(epoch))?.get(epoch);
        if (found === undefined) throw new Error(`nobody has the results of epoch ${epoch}`);
        results.set(epoch, found);
        return found;
      },
    });
    keepers.set(member, { challenges, results });
  }
  const fail = (epoch: number, what: string) => violations.push(`epoch ${epoch}: ${what}`);
  const land = (when: Pending["lands"]) => {
    if (pending === undefined || (pending.lands !== when && when !== "late")) return;
    state = applyPlan(state, pending.certificate, pending.plan);
    log.push(pending.logged);
    pending = undefined;
  };

  const health = new Map<number, Conduct>();
  let asleepUntil = 0;
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const vacant = countVacant(state);
    state = acceptOffers(state, epoch, random, 0.35);
    counts.accepted += Math.max(0, vacant - countVacant(state));
    land("start");
    const setState = state;
    const set = setAt(state, epoch);
    const epochSeed = hash(`${seed} ${epoch}`);
    for (const { challenges } of keepers.values()) {
      challenges.started(set, setState);
      challenges.seeded(epoch, epochSeed);
    }
    land("cutoff");
    const cutoffState = state;
    for (const { challenges } of keepers.values()) challenges.cutOff(epoch, cutoffState);
    // A certificate that is later than the cut-off counts from the next epoch on.
    if (pending !== undefined) counts.late++;
    land("late");

    for (const { id } of state.providers.values()) drawHealth(random, health, id);
    if (epoch >= asleepUntil && random.chance(0.05)) asleepUntil = epoch + 1 + random.below(4);
    if (epoch < asleepUntil || set.slots.length === 0) {
      counts.gaps++;
      continue;
    }

    const contexts = new Map(
      await Promise.all(
        [...keepers].map(
          async ([member, { challenges }]) => [member, (await challenges.repairs(epoch))!] as const,
        ),
      ),
    );
    const [first] = contexts.values();
    for (const context of contexts.values()) {
      if (!isDeepStrictEqual(context, first)) fail(epoch, "keepers differ in what they ask and know");
    }
    const providers: SimProvider[] = first!.challenge.set.map((each) => ({
      ...each,
      conduct: health.get(each.provider) ?? "good",
    }));
    const watch = createEquivocationWatch(({ first: commit }) => {
      accused.add(commit.member);
      counts.equivocations++;
    });
    const result = await simulateInstance({
      ...{ random, epoch, members, providers, seed: epochSeed },
      byzantine: new Map(style === "down" ? [] : [[faulty, () => style]]),
      down: new Set(style === "down" ? [faulty] : []),
      plan: (self) => createRepairPlanner(contexts.get(self) ?? first!),
      onReceived(_to, message) {
        if (message.type === "commit") watch.see(message);
        if (message.type === "decided") for (const commit of message.commits) watch.see(commit);
      },
    });
    for (const violation of result.violations) fail(epoch, violation);
    const outcome = outcomeOf(result);
    if (outcome === undefined) {
      fail(epoch, "nobody knows what was decided");
      continue;
    }
    for (const [member, { outcome: own }] of result.decisions) {
      if (own !== null) keepers.get(member)!.results.set(epoch, own.results);
    }

    const challenge = first!.challenge;
    const missed = outcome.results.filter(({ verdict }) => verdict === 2).map(({ provider }) => provider);
    const unproven = new Set<string>();
    for (const { provider, cover } of outcome.results) {
      const covered = coveredPairs(cover);
      for (const slot of set.byProvider.get(provider)!) {
        const pair = challenge.byProvider
          .get(provider)!
          .pairs.findIndex(([shard]) => slotKey(shard!) === slotKey(slot));
        if (covered.length === 0 || (pair !== -1 && !covered.includes(pair))) unproven.add(slotKey(slot));
      }
    }
    const logged = { epoch, set, missed, unproven };
    const before = log.filter((each) => cutoffState.certificates.has(each.epoch));
    const expected = oraclePlan({
      ...{ epoch, setState, state: cutoffState, seed: epochSeed, log: [...before, logged] },
    });
    const content = outcome.exceptionLeaves.flatMap(({ content: each }) => each ?? []);
    const lost = content.flatMap((each) =>
      "entries" in each
        ? each.entries.map(({ orderId, slot }) => ({ provider: each.provider, orderId, slot }))
        : [],
    );
    const offers = content.flatMap((each) => ("deadline" in each ? each : []));
    if (!isDeepStrictEqual(lost, expected.lost)) fail(epoch, "lost slots are not those of the oracle");
    if (!isDeepStrictEqual(offers, expected.offers)) fail(epoch, "offers are not those of the oracle");
    counts.lost += lost.length;
    counts.offers += offers.length;

    // Some certificates never come on chain: whoever had to bring them died.
    if (random.chance(0.1)) {
      counts.gaps++;
      continue;
    }
    const plan = {
      lost: content.flatMap((each) => ("entries" in each ? each : [])),
      offers,
    };
    const certificate = { epoch, exceptions: outcome.exceptions } as CertificateInfo;
    pending = {
      certificate,
      plan,
      logged,
      lands: random.pick(["start", "start", "cutoff", "late"] as const),
    };
  }
  for (const member of accused)
    if (member !== faulty) violations.push(`member ${member} is accused, wrongly`);
  return { seed, style, violations, ...counts };
}

function outcomeOf({ decisions }: InstanceResult) {
  return [...decisions.values()].find(({ outcome }) => outcome !== null)?.outcome ?? undefined;
}

/** Providers fall ill and recover: silent for long, or with a slot that they cannot prove. */
function drawHealth(random: Random, health: Map<number, Conduct>, id: number): void {
  const now = health.get(id) ?? "good";
  if (now === "good" && random.chance(0.12))
    health.set(id, random.pick(["silent", "silent", "partial", "flaky"]));
  else if (now !== "good" && random.chance(now === "flaky" ? 0.5 : 0.18)) health.set(id, "good");
}

function drawGroup(random: Random): GroupState {
  const providers = Array.from({ length: 9 + random.below(5) }, (_, index) =>
    providerInfo(index + 1, { domain: hash(`domain ${random.below(5)}`), stake: 3_000n }),
  );
  const orders: OrderInfo[] = Array.from({ length: 2 + random.below(3) }, (_, index) => {
    const n = 4 + random.below(3);
    const holders = random.shuffle(providers.map(({ id }) => id)).slice(0, n);
    return orderInfo({
      name: `order ${index}`,
      holders,
      m: 2,
      stripes: 2 + random.below(3),
      sequence: index,
    });
  });
  return groupState({ orders, providers, parameters: { freezeShare: random.pick([3_000, 5_000]) } });
}

function countVacant({ orders }: GroupState): number {
  return [...orders.values()].flatMap(({ slots }) => slots).filter(({ holder }) => holder === undefined)
    .length;
}
