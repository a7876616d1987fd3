import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BucketKey, Buckets, remaining, secondsUntilNext } from './buckets.js';
import { Rate } from './rate.js';

const key = (low: number, kind = 1): BucketKey => ({ kind, high: 0, low });

/** Takes as many as there are. @returns how many that were */
function empty(buckets: Buckets, rate: Rate, of: BucketKey, nowMs: number): number {
  let taken = 0;
  while (taken <= rate.burst && buckets.take(rate, of, nowMs) >= 0) taken += 1;
  return taken;
}

/** A bucket in whole numbers: a millisecond fills in `count`, a request takes the milliseconds of the window. */
class ModelBucket {
  readonly #windowMs: number;
  #level: number;
  #atMs = 0;

  constructor(private readonly rate: Rate) {
    this.#windowMs = rate.windowSeconds * 1_000;
    this.#level = rate.burst * this.#windowMs;
  }

  take(nowMs: number): { taken: boolean; left: number } {
    const { burst, count } = this.rate;
    this.#level = Math.min(burst * this.#windowMs, this.#level + (nowMs - this.#atMs) * count);
    this.#atMs = nowMs;
    const taken = this.#level >= this.#windowMs;
    if (taken) this.#level -= this.#windowMs;
    return { taken, left: Math.floor(this.#level / this.#windowMs) };
  }
}

const rates = fc
  .record({
    count: fc.constantFrom(1, 3, 7, 100),
    windowSeconds: fc.constantFrom(1, 7, 60),
    burst: fc.integer({ min: 1, max: 12 }),
  })
  .map(({ count, windowSeconds, burst }) => new Rate(count, windowSeconds, burst));
const requests = fc.array(
  fc.record({
    // In halves of an interval at most, so that many meet an empty bucket.
    waitMs: fc.integer({ min: 0, max: 2_000 }),
    who: fc.integer({ min: 1, max: 3 }),
  }),
  { maxLength: 200 },
);

describe('buckets', () => {
  it('let through what a model in whole numbers lets through, for each key by itself', () => {
    fc.assert(
      fc.property(rates, requests, (rate, sent) => {
        const buckets = new Buckets(1_024);
        const models = new Map([1, 2, 3].map((who) => [who, new ModelBucket(rate)]));
        let nowMs = 0;
        for (const { waitMs, who } of sent) {
          nowMs += waitMs;
          const expected = models.get(who)!.take(nowMs);
          const leftMs = buckets.take(rate, key(who), nowMs);
          expect({ taken: leftMs >= 0, left: remaining(rate, leftMs) }).toEqual(expected);
        }
      }),
    );
  });

  it('let through again after the seconds that they name, and never more than burst and rate in any stretch of time', () => {
    fc.assert(
      fc.property(rates, requests, (rate, sent) => {
        const buckets = new Buckets(1_024);
        const letThrough: number[] = [];
        let nowMs = 0;
        for (const { waitMs } of sent) {
          nowMs += waitMs;
          const leftMs = buckets.take(rate, key(1), nowMs);
          if (leftMs < 0) nowMs += secondsUntilNext(rate, leftMs) * 1_000;
          const second = leftMs < 0 ? buckets.take(rate, key(1), nowMs) : leftMs;
          expect(second).toBeGreaterThanOrEqual(0);
          letThrough.push(nowMs);
        }
        letThrough.forEach((fromMs, i) => {
          const stretch = letThrough.slice(i);
          stretch.forEach((toMs, n) => {
            expect(n + 1).toBeLessThanOrEqual(rate.burst + ((toMs - fromMs) * rate.count) / rate.windowSeconds / 1_000);
          });
        });
      }),
      { numRuns: 50 },
    );
  });

  it('give back what they are told to', () => {
    const rate = new Rate(1, 60, 3);
    const buckets = new Buckets(1_024);
    expect(empty(buckets, rate, key(1), 0)).toBe(3);
    buckets.giveBack(rate, key(1), 0);
    buckets.giveBack(rate, key(2), 0); // nothing was taken there
    expect(empty(buckets, rate, key(1), 0)).toBe(1);
    expect(empty(buckets, rate, key(2), 0)).toBe(3);
  });

  it('are told apart by every part of their key', () => {
    const rate = new Rate(1, 60);
    const buckets = new Buckets(1_024);
    for (const kind of [0, 1]) {
      for (const high of [0, 1, -1]) {
        for (const low of [0, 1, -1]) expect(empty(buckets, rate, { kind, high, low }, 0)).toBe(1);
      }
    }
  });
});

describe('a flood of keys', () => {
  /** Six a minute, fifty at once: the default for bad tokens. */
  const rate = new Rate(6, 60, 50);

  it('leaves the buckets of busy keys as they are, in a table that is far too small', () => {
    const buckets = new Buckets(1_024);
    const busy = Array.from({ length: 100 }, (_, i) => key(-1 - i));
    for (const one of busy) empty(buckets, rate, one, 0);
    for (let i = 0; i < 200_000; i += 1) buckets.take(rate, key(i), i / 100);
    for (const one of busy) expect(buckets.take(rate, one, 2_000)).toBeLessThan(0);
  });

  it('does not shut out a key that isn’t in it', () => {
    const buckets = new Buckets(1_024);
    for (let round = 0; round < 60; round += 1) {
      for (let i = 0; i < 10_000; i += 1) buckets.take(rate, key(i), round);
    }
    for (let i = 1; i <= 10_000; i += 1) expect(buckets.take(rate, key(-i), 100)).toBeGreaterThanOrEqual(0);
  });

  it('has a busy bucket forgotten only by sixteen that are as busy', () => {
    const buckets = new Buckets(16);
    empty(buckets, rate, key(-1), 0);
    for (let i = 0; i < 15; i += 1) empty(buckets, rate, key(i), 1);
    for (let i = 100; i < 10_000; i += 1) buckets.take(rate, key(i), 2);
    expect(buckets.take(rate, key(-1), 2)).toBeLessThan(0);
    empty(buckets, rate, key(15), 10_000); // by now the first has got one back
    expect(buckets.take(rate, key(-1), 10_000)).toBeGreaterThanOrEqual(0);
  });
});
