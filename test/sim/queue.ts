/** Tasks in simulated time. */
export type Queue = {
  now(): number;
  after(ms: number, task: () => void | Promise<void>): void;
  /** Runs tasks in order of time until `done` or none is left. */
  run(done: () => boolean): Promise<void>;
};

/** Creates an empty queue at time 0. */
export function createQueue(): Queue {
  // A binary heap by (time, sequence): ties keep the order in which they were made.
  const heap: { at: number; sequence: number; task: () => void | Promise<void> }[] = [];
  let time = 0;
  let sequence = 0;
  const isBefore = (a: number, b: number) =>
    heap[a]!.at < heap[b]!.at || (heap[a]!.at === heap[b]!.at && heap[a]!.sequence < heap[b]!.sequence);
  const swap = (a: number, b: number) => {
    [heap[a], heap[b]] = [heap[b]!, heap[a]!];
  };
  const pop = () => {
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    heap[0] = last;
    for (let at = 0; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < heap.length && isBefore(child, least)) least = child;
      if (least === at) return first;
      swap(at, least);
      at = least;
    }
  };
  return {
    now: () => time,
    after(ms, task) {
      heap.push({ at: time + ms, sequence: sequence++, task });
      for (let at = heap.length - 1; at > 0; ) {
        const parent = (at - 1) >> 1;
        if (!isBefore(at, parent)) break;
        swap(at, parent);
        at = parent;
      }
    },
    async run(done) {
      for (let next = pop(); next !== undefined; next = pop()) {
        time = next.at;
        await next.task();
        if (done()) return;
      }
    },
  };
}
