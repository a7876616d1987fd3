import type { Clock, Instant } from './clock.js';

/**
 * The right to admit anyone: it holds while both clocks say that less than `leaseMs` has passed since the renewal was *sent*.
 * The token-service starts to count later than that, so this side always ends first. The wall clock is asked too because the
 * monotonic one stands still while a machine is suspended.
 */
export class Lease {
  #sent: Instant = { monotonicMs: 0, wallMs: 0 };
  #leaseMs = 0;
  readonly #closedListeners: (() => void)[] = [];

  constructor(private readonly clock: Clock) {}

  /** Must be called only after everything that the renewal handed over was applied. */
  extend(sent: Instant, leaseMs: number): void {
    this.#sent = sent;
    this.#leaseMs = leaseMs;
  }

  close(): void {
    this.#leaseMs = 0;
    for (const listener of this.#closedListeners) listener();
  }

  /** Told when it is closed before its time, and not when it runs out. */
  onClosed(listener: () => void): void {
    this.#closedListeners.push(listener);
  }

  holds(): boolean {
    return (
      this.clock.monotonicMs() - this.#sent.monotonicMs < this.#leaseMs &&
      this.clock.wallMs() - this.#sent.wallMs < this.#leaseMs
    );
  }

  /** Milliseconds left, 0 when it is over. */
  remainingMs(): number {
    const monotonicMs = this.clock.monotonicMs() - this.#sent.monotonicMs;
    const wallMs = this.clock.wallMs() - this.#sent.wallMs;
    return Math.max(0, this.#leaseMs - Math.max(monotonicMs, wallMs));
  }
}
