export interface Distribution {
  count: number;
  p50: number;
  p95: number;
  p99: number;
  max: number;
}

/** Of milliseconds, by nearest rank, to a tenth. @returns nothing when there are none */
export function distributionOf(valuesMs: readonly number[]): Distribution | undefined {
  if (valuesMs.length === 0) return undefined;
  const sorted = valuesMs.toSorted((a, b) => a - b);
  const rank = (share: number): number =>
    Math.round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]! * 10) / 10;
  return { count: sorted.length, p50: rank(0.5), p95: rank(0.95), p99: rank(0.99), max: rank(1) };
}

/** A stretch of time in which at least one fault was in force. */
export interface FaultyTime {
  beginMs: number;
  endMs: number;
}

/** Connections are made again a little later than the system says that it is ready. */
const AFTERMATH_MS = 1_000;

/** Whether a fault, or what came right after it, can have touched something that took from `beginMs` to `endMs`. */
export function isUnderFaults({ beginMs, endMs }: FaultyTime, times: readonly FaultyTime[]): boolean {
  return times.some((time) => time.beginMs < endMs && beginMs < time.endMs + AFTERMATH_MS);
}
