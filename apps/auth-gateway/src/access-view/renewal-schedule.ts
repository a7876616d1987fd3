import type { Clock } from './clock.js';

const RENEWAL_INTERVAL_MS = 2_000;
/** The change feed sends a heartbeat every 500 ms; after this long without any, renewals have to carry the changes. */
const FEED_SILENCE_MS = 1_500;
const SILENT_RENEWAL_INTERVAL_MS = 250;
/** Even renewals that are wanted at once are this far apart, so that nothing can turn them into a flood. */
const RENEWAL_SPACING_MS = 20;
const BACKOFF_BASE_MS = 250;

/** Says when the next renewal is due, and waits for it. */
export class RenewalSchedule {
  #sentMs = -Infinity;
  #heardMs = -Infinity;
  #notBeforeMs = -Infinity;
  #atOnce = true;
  #intervalMs = RENEWAL_INTERVAL_MS;
  #wake: () => void = () => {};

  constructor(private readonly clock: Clock) {}

  /** A short lease must not lapse between two renewals. */
  leaseGranted(leaseMs: number): void {
    this.#intervalMs = Math.min(RENEWAL_INTERVAL_MS, leaseMs / 3);
  }

  /** A renewal is being sent: whatever asked for one before is answered by it. */
  sent(): void {
    this.#sentMs = this.clock.monotonicMs();
    this.#atOnce = false;
  }

  /** The change feed is alive. */
  heard(): void {
    this.#heardMs = this.clock.monotonicMs();
  }

  get feedIsSilent(): boolean {
    return this.clock.monotonicMs() - this.#heardMs >= FEED_SILENCE_MS;
  }

  /** Milliseconds since a renewal was sent. */
  get sinceSentMs(): number {
    return this.clock.monotonicMs() - this.#sentMs;
  }

  renewAtOnce(): void {
    this.#atOnce = true;
    this.#wake();
  }

  /** The first retry is at once, the ones after it ever later. */
  retryAfter(setbacks: number, backoffMaxMs: number): void {
    const backoffMs = Math.min(BACKOFF_BASE_MS * (2 ** (setbacks - 1) - 1), backoffMaxMs);
    this.#notBeforeMs = this.clock.monotonicMs() + backoffMs;
    this.renewAtOnce();
  }

  /** Waits until a renewal is due. */
  async due(stop: AbortSignal): Promise<void> {
    for (let waitMs = this.#dueInMs(); waitMs > 0 && !stop.aborted; waitMs = this.#dueInMs()) {
      await this.#pause(waitMs, stop);
    }
  }

  #dueInMs(): number {
    const silentDueMs = Math.max(this.#sentMs + SILENT_RENEWAL_INTERVAL_MS, this.#heardMs + FEED_SILENCE_MS);
    const regularDueMs = Math.min(this.#sentMs + this.#intervalMs, silentDueMs);
    const dueMs = this.#atOnce ? this.#sentMs + RENEWAL_SPACING_MS : regularDueMs;
    return Math.max(dueMs, this.#notBeforeMs) - this.clock.monotonicMs();
  }

  /** Ends early when a renewal is wanted at once, or when it is time to stop. */
  #pause(waitMs: number, stop: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        stop.removeEventListener('abort', end);
        this.#wake = () => {};
        resolve();
      };
      const cancel = this.clock.after(waitMs, end);
      stop.addEventListener('abort', end, { once: true });
      this.#wake = end;
    });
  }
}
