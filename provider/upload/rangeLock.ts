/** Work on stripes of an upload: what overlaps runs one after the other, first come first served. */
export type RangeLock = {
  /** Runs `work` once all earlier work on stripes [from, to) of `key` is over. */
  run<Result>(key: string, from: number, to: number, work: () => Promise<Result>): Promise<Result>;
};

type Holder = { readonly from: number; readonly to: number; readonly done: Promise<unknown> };

/** A lock over ranges, in memory. */
export function createRangeLock(): RangeLock {
  const holders = new Map<string, Set<Holder>>();
  return {
    async run(key, from, to, work) {
      const sameKey = holders.get(key) ?? new Set();
      holders.set(key, sameKey);
      const earlier = [...sameKey].filter((other) => other.from < to && from < other.to);
      const result = Promise.all(earlier.map((other) => other.done)).then(work);
      const holder = { from, to, done: result.catch(() => undefined) };
      sameKey.add(holder);
      try {
        return await result;
      } finally {
        sameKey.delete(holder);
        if (sameKey.size === 0 && holders.get(key) === sameKey) holders.delete(key);
      }
    },
  };
}
