import { collectDefaultMetrics, Counter, Gauge, type Metric, Registry } from 'prom-client';
import type { DurationTally } from './duration-tally.js';

export interface Sample {
  labels?: Record<string, string>;
  value: number;
}

type Read = () => number | Sample[] | Promise<number | Sample[]>;

/** The metrics of a process. Nothing is kept here: each is read where it is known, when it is asked for. */
export class MetricSet {
  readonly #registry = new Registry();

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All of them, in Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** What goes up and down. Where reading it fails it is missing from the answer, which says more than an old value. */
  gauge(name: string, help: string, read: Read, labelNames: readonly string[] = []): this {
    const gauge: Gauge = new Gauge({
      name,
      help,
      labelNames,
      registers: [this.#registry],
      collect: () => refresh(gauge, read, ({ labels = {}, value }) => gauge.set(labels, value)),
    });
    return this;
  }

  /** What is told by labels alone, and doesn't change: its value is 1. */
  info(name: string, help: string, labels: Record<string, string>): this {
    return this.gauge(name, help, () => [{ labels, value: 1 }], Object.keys(labels));
  }

  /** What only rises until the process ends. */
  counter(name: string, help: string, read: Read, labelNames: readonly string[] = []): this {
    const counter: Counter = new Counter({
      name,
      help,
      labelNames,
      registers: [this.#registry],
      collect: () => refresh(counter, read, ({ labels = {}, value }) => counter.inc(labels, value)),
    });
    return this;
  }

  histogram(name: string, help: string, tally: DurationTally): this {
    const metric = { name, get: async () => ({ name, help, type: 'histogram', values: bucketsOf(name, tally) }) };
    this.#registry.registerMetric(metric as unknown as Metric);
    return this;
  }
}

async function refresh(metric: { reset(): void }, read: Read, put: (sample: Sample) => void): Promise<void> {
  const reading = async (): Promise<number | Sample[]> => read();
  const found = await reading().catch(() => []);
  metric.reset();
  if (typeof found === 'number') return put({ value: found });
  // A metric without labels is 0 after a reset: remove it, since nobody knows.
  if (found.length === 0 && 'remove' in metric) (metric as Gauge).remove({});
  for (const sample of found) put(sample);
}

function bucketsOf(name: string, { boundsSeconds, counts, sumSeconds }: DurationTally): object[] {
  let total = 0;
  const buckets = counts.map((count, place) => {
    total += count;
    return { metricName: `${name}_bucket`, labels: { le: String(boundsSeconds[place] ?? '+Inf') }, value: total };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: {}, value: sumSeconds },
    { metricName: `${name}_count`, labels: {}, value: total },
  ];
}
