import { randomBytes } from 'node:crypto';
import { KeyedHash } from './keyed-hash.js';
import type { Rate } from './rate.js';

const SLOTS = 2 ** 20;
/** Slots that one bucket may be in. */
const WAYS = 16;
/** Of a request: what sums of floating-point numbers may be off by. */
const SLACK = 2 ** -20;

/** Whose bucket it is: what is counted, and 64 bits of whom. */
export interface BucketKey {
  kind: number;
  high: number;
  low: number;
}

/**
 * Buckets that fill up steadily, in memory that is taken once: GCRA, which needs one time for each, the time at which it is full.
 * A full bucket is one that isn't there. Who has no place takes that of the fullest of 16, chosen by a keyed hash, and only if that is
 * fuller than their own would be: to have a bucket forgotten, somebody must empty 16 others further than it is, without knowing which.
 * Nothing is allocated.
 */
export class Buckets {
  readonly #tags: Int32Array;
  readonly #fullAtMs: Float64Array;
  readonly #setMask: number;
  readonly #hash: KeyedHash;

  /** @param slots a power of two, 16 at least; 12 bytes each */
  constructor(slots = SLOTS, key = randomBytes(8)) {
    this.#tags = new Int32Array(slots);
    this.#fullAtMs = new Float64Array(slots);
    this.#setMask = slots / WAYS - 1;
    this.#hash = new KeyedHash(key);
  }

  /**
   * Takes one out of a bucket.
   *
   * @param nowMs monotonic
   * @returns how much is left, in milliseconds of refilling; below 0: nothing was taken, and one comes free after so long
   */
  take(rate: Rate, key: BucketKey, nowMs: number): number {
    const found = this.#locate(key, nowMs);
    const slot = found < 0 ? ~found : found;
    const fullAtMs = (found < 0 ? nowMs : this.#fullAtMs[slot]!) + rate.intervalMs;
    const leftMs = rate.depthMs - (fullAtMs - nowMs);
    if (leftMs < -SLACK * rate.intervalMs) return leftMs;
    if (found >= 0 || this.#fullAtMs[slot]! <= fullAtMs) {
      this.#tags[slot] = this.#hash.second;
      this.#fullAtMs[slot] = fullAtMs;
    }
    return Math.max(0, leftMs);
  }

  /** Puts back what was taken for something that didn't come to be. */
  giveBack(rate: Rate, key: BucketKey, nowMs: number): void {
    const slot = this.#locate(key, nowMs);
    if (slot >= 0) this.#fullAtMs[slot]! -= rate.intervalMs;
  }

  /** @returns where it is; or, as the complement, the one slot that it may be put into */
  #locate({ kind, high, low }: BucketKey, nowMs: number): number {
    this.#hash.digest(kind, high, low);
    const first = (this.#hash.first & this.#setMask) * WAYS;
    let fullest = first;
    for (let slot = first; slot < first + WAYS; slot += 1) {
      const fullAtMs = this.#fullAtMs[slot]!;
      if (this.#tags[slot] === this.#hash.second && fullAtMs > nowMs) return slot;
      if (fullAtMs < this.#fullAtMs[fullest]!) fullest = slot;
    }
    return ~fullest;
  }
}

/** Whole requests that may be made at once. @param leftMs as {@link Buckets.take} returns it */
export function remaining(rate: Rate, leftMs: number): number {
  return leftMs < 0 ? 0 : Math.floor(leftMs / rate.intervalMs + SLACK);
}

/** Until there is one more than {@link remaining}. @param leftMs as {@link Buckets.take} returns it */
export function secondsUntilNext(rate: Rate, leftMs: number): number {
  const untilMs = leftMs < 0 ? -leftMs : (remaining(rate, leftMs) + 1) * rate.intervalMs - leftMs;
  return Math.max(1, Math.ceil(untilMs / 1_000));
}
