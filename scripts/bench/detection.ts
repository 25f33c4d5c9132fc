import type { BenchRow } from "./row.ts";

/** Shards that an epoch asks one provider for, as every parameter file has it. */
const SAMPLES = 64;
/** Shards that an appeal has to open; `Draws.SHARDS` of the contracts. */
const DRAWS = 4;
const PERCENT = 100;

/** Chance that `samples` different shards drawn from `held` hit at least one of `lost`. Each epoch draws anew. */
export function chanceToSee(held: number, lost: number, samples: number): number {
  let unseen = 1;
  for (let i = 0; i < Math.min(samples, held); i++) unseen *= Math.max(0, held - lost - i) / (held - i);
  return 1 - unseen;
}

/** Epochs after which a loss that is seen with `chance` in each has been seen with `certainty`. */
export function epochsUntil(chance: number, certainty: number): number {
  return chance >= 1 ? 1 : Math.ceil(Math.log1p(-certainty) / Math.log1p(-chance));
}

/** Chance that something of which a share is lost shows none of it in so many independent draws. */
export function chanceToPass(share: number, draws: number): number {
  return (1 - share) ** draws;
}

/** How long losses go unseen: computed, not measured. */
export async function measure(): Promise<BenchRow[]> {
  const shares = [0.001, 0.01, 0.05, 0.1, 0.3].flatMap((share) =>
    [1, 10].map((epochs) => ({
      area: "detection",
      name: `${share * PERCENT} % lost, seen within ${epochs} epoch${epochs > 1 ? "s" : ""}`,
      value: PERCENT * (1 - chanceToPass(share, SAMPLES * epochs)),
      unit: "%",
    })),
  );
  const few = [10_000, 100_000, 1_000_000].flatMap((held) =>
    [1, 10, 100].map((lost) => {
      const chance = chanceToSee(held, lost, SAMPLES);
      return {
        area: "detection",
        name: `${lost} of ${held.toLocaleString("en")} shards lost, seen with 99 %`,
        value: epochsUntil(chance, 0.99),
        unit: "epochs",
        compared: `with 50 %: ${epochsUntil(chance, 0.5).toLocaleString("en")}`,
      };
    }),
  );
  const appeals = [0.01, 0.1, 0.3, 0.5, 0.9].map((share) => ({
    area: "detection",
    name: `${share * PERCENT} % of a record's shards lost, appeal passes`,
    value: PERCENT * chanceToPass(share, DRAWS),
    unit: "%",
  }));
  return [...shares, ...few, ...appeals];
}
