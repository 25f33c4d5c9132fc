import { setTimeout as delay } from "node:timers/promises";

/** How often a proof that is held back looks at the epoch. */
const LOOK_EVERY_MS = 20;

/** What goes wrong with a provider on purpose. */
export interface ProviderFaults {
  /** Epoch whose proof leaves only when the epoch is over. */
  lateIn?: number;
  /** Whether shards that are lost are rebuilt from others' (default). */
  heal?: boolean;
}

/** What a keeper does wrong on purpose. */
export interface KeeperFaults {
  /** Whose messages it takes no notice of. */
  deafTo?: { keepers?: readonly number[]; providers?: readonly number[] };
}

/** Holds back the proof of one epoch until that epoch is over. To be awaited before an answer leaves. */
export function holdBack(lateIn: number | undefined, epochNow: () => number) {
  return async ({ epoch }: { readonly epoch: number }): Promise<void> => {
    while (epoch === lateIn && epochNow() <= epoch) await delay(LOOK_EVERY_MS);
  };
}
