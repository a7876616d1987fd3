import { DurationTally } from '@portcullis/metrics';

const WINDOW_MS = 10_000;
const SAMPLE_MS = 500;
const VERIFICATION_SECONDS = [0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.05];

/** Per second, over the last ten seconds. */
export interface TrafficRates {
  requests_per_second: number;
  refused_per_second: number;
}

interface Sample {
  atMs: number;
  requests: number;
  refused: number;
}

/** Counts requests for people to look at. A request costs an addition; the rates are worked out when a renewal asks for them. */
export class TrafficMeter {
  readonly verification = new DurationTally(VERIFICATION_SECONDS);
  /** Requests taken, those refused included. */
  requests = 0;
  /** Refused by the gateway itself. */
  refused = 0;
  #samples: Sample[] = [];

  /** @param nowMs monotonic; the first call begins the measurement */
  rates(nowMs: number): TrafficRates {
    // The last one from before the window stays, so that there is always something to compare with.
    while (this.#samples.length > 1 && this.#samples[1]!.atMs <= nowMs - WINDOW_MS) this.#samples.shift();
    const now = { atMs: nowMs, requests: this.requests, refused: this.refused };
    const then = this.#samples[0] ?? now;
    const newest = this.#samples.at(-1);
    if (!newest || nowMs - newest.atMs >= SAMPLE_MS) this.#samples.push(now);
    const seconds = Math.max(1, (nowMs - then.atMs) / 1_000);
    return {
      requests_per_second: rounded((now.requests - then.requests) / seconds),
      refused_per_second: rounded((now.refused - then.refused) / seconds),
    };
  }
}

const rounded = (rate: number): number => Math.round(rate * 10) / 10;
