import type { Clock } from '../clock.js';

interface Timer {
  dueMs: number;
  run: () => void;
}

/** For tests: time stands still until it is moved. */
export class ManualClock implements Clock {
  #monotonicMs = 1_000;
  #wallMs = Date.UTC(2026, 10, 21);
  readonly #timers = new Set<Timer>();

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  wallMs(): number {
    return this.#wallMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { dueMs: this.#monotonicMs + delayMs, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Steps the wall clock alone, as an administrator or a resumed machine would. */
  stepWall(stepMs: number): void {
    this.#wallMs += stepMs;
  }

  /** Moves both clocks, running what falls due on the way, and lets what it started settle. */
  async advance(forMs: number): Promise<void> {
    const endMs = this.#monotonicMs + forMs;
    await settle();
    for (;;) {
      const next = [...this.#timers].filter(({ dueMs }) => dueMs <= endMs).toSorted((a, b) => a.dueMs - b.dueMs)[0];
      if (!next) break;
      this.#timers.delete(next);
      this.#moveTo(next.dueMs);
      next.run();
      await settle();
    }
    this.#moveTo(endMs);
    await settle();
  }

  #moveTo(monotonicMs: number): void {
    if (monotonicMs <= this.#monotonicMs) return;
    this.#wallMs += monotonicMs - this.#monotonicMs;
    this.#monotonicMs = monotonicMs;
  }
}

/** Lets promises that need no real I/O run to their end. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
