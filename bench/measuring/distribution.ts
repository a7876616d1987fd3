/** Milliseconds, sorted, and what to say of them. */
export interface Distribution {
  count: number;
  median: number;
  p99: number;
  max: number;
}

/** @param samplesMs at least one */
export function distributionOf(samplesMs: readonly number[]): Distribution {
  const sorted = samplesMs.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
  return { count: sorted.length, median: at(0.5), p99: at(0.99), max: sorted.at(-1)! };
}

/** The upper of the two in the middle. @param values at least one */
export function median(values: readonly number[]): number {
  return distributionOf(values).median;
}

export function formatMs(ms: number): string {
  return `${ms.toFixed(ms < 10 ? 2 : 1)} ms`;
}

/** One line of the table: `what  n  median  p99  max`. */
export function formatDistribution(what: string, { count, median, p99, max }: Distribution): string {
  const cells = [median, p99, max].map((ms) => formatMs(ms).padStart(11));
  return `${what.padEnd(62)}${String(count).padStart(6)}${cells.join('')}`;
}

export const TABLE_HEAD = `${''.padEnd(62)}${'n'.padStart(6)}${['median', 'p99', 'max'].map((name) => name.padStart(11)).join('')}`;
