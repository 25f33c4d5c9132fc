import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** Metrics of one node. Every node has a registry of its own, because one process may run many. */
export type Metrics = {
  readonly registry: Registry;
  counter<Label extends string = never>(definition: MetricDefinition<Label>): Counter<Label>;
  gauge<Label extends string = never>(
    definition: MetricDefinition<Label> & { collect?: () => number },
  ): Gauge<Label>;
  histogram<Label extends string = never>(
    definition: MetricDefinition<Label> & { buckets: readonly number[] },
  ): Histogram<Label>;
};

/** Name (snake_case with unit, without prefix), help sentence and bounded labels. */
export type MetricDefinition<Label extends string> = {
  name: string;
  help: string;
  labels?: readonly Label[];
};

/**
 * Creates the registry of a node. All names get `prefix_`; asking twice for one name returns the same
 * metric, so that parts of a node need not know of each other.
 */
export function createMetrics(options: {
  /** `provider`, `keeper`, … */
  prefix: string;
  build?: { version: string; commit?: string; network?: string };
  /** Also collect memory, CPU and event-loop numbers of the process (daemons only). */
  processMetrics?: boolean;
}): Metrics {
  const registry = new Registry();
  if (options.processMetrics) collectDefaultMetrics({ register: registry });
  const named = (name: string) => `${options.prefix}_${name}`;
  const common = <Label extends string>(definition: MetricDefinition<Label>) => ({
    name: named(definition.name),
    help: definition.help,
    labelNames: [...(definition.labels ?? [])],
    registers: [registry],
  });
  const metrics: Metrics = {
    registry,
    counter<Label extends string>(definition: MetricDefinition<Label>) {
      const existing = registry.getSingleMetric(named(definition.name));
      return (existing as Counter<Label> | undefined) ?? new Counter<Label>(common(definition));
    },
    gauge<Label extends string>(definition: MetricDefinition<Label> & { collect?: () => number }) {
      const existing = registry.getSingleMetric(named(definition.name));
      if (existing !== undefined) return existing as Gauge<Label>;
      const { collect } = definition;
      if (collect === undefined) return new Gauge<Label>(common(definition));
      return new Gauge<Label>({
        ...common(definition),
        collect() {
          this.set(collect());
        },
      });
    },
    histogram<Label extends string>(definition: MetricDefinition<Label> & { buckets: readonly number[] }) {
      const existing = registry.getSingleMetric(named(definition.name));
      return (
        (existing as Histogram<Label> | undefined) ??
        new Histogram<Label>({ ...common(definition), buckets: [...definition.buckets] })
      );
    },
  };
  const build = options.build;
  if (build !== undefined) {
    metrics
      .gauge({
        name: "build_info",
        help: "Always 1; the labels say what runs",
        labels: ["version", "commit", "network"],
      })
      .set({ version: build.version, commit: build.commit ?? "", network: build.network ?? "" }, 1);
  }
  return metrics;
}
