/** Durations by upper bound, as Prometheus' histograms count them: in plain numbers, so that noting one costs next to nothing. */
export class DurationTally {
  /** How many are at most as long as the bound of the same place, and longer than the one before; the last: longer than all. */
  readonly counts: number[];
  sumSeconds = 0;

  /** @param boundsSeconds rising */
  constructor(readonly boundsSeconds: readonly number[]) {
    this.counts = Array.from({ length: boundsSeconds.length + 1 }, () => 0);
  }

  observe(durationMs: number): void {
    const seconds = durationMs / 1_000;
    let place = 0;
    while (place < this.boundsSeconds.length && seconds > this.boundsSeconds[place]!) place += 1;
    this.counts[place]! += 1;
    this.sumSeconds += seconds;
  }
}
