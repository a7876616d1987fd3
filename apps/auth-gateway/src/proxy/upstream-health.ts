/** Failures in a row, after the request was sent, that count as much as one connection that couldn't be made. */
const FAILURES_IN_A_ROW = 5;
const SHUNNED_MS_FIRST = 1_000;
const SHUNNED_MS_MAX = 30_000;

/**
 * Whether an upstream address is worth trying, told by how requests to it end. One that fails is shunned for a second, then tried
 * with one request; each failed trial doubles the time.
 */
export class UpstreamHealth {
  #failures = 0;
  #shunnedUntilMs = 0;
  #onTrial = false;

  /** @param trialMs how long the request that tries it again may take before the next may try */
  constructor(
    private readonly trialMs: number,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  get isShunned(): boolean {
    return this.#shunnedUntilMs > 0 && this.nowMs() < this.#shunnedUntilMs;
  }

  /** A request goes to it. */
  trying(): void {
    if (this.#shunnedUntilMs === 0 || this.isShunned) return;
    this.#onTrial = true;
    this.#shunnedUntilMs = this.nowMs() + this.trialMs;
  }

  answered(): void {
    this.#failures = 0;
    this.#shunnedUntilMs = 0;
    this.#onTrial = false;
  }

  /** @param sent the request had been sent, so that it may be at fault itself */
  failed(sent: boolean): void {
    if (this.isShunned && !this.#onTrial) return; // the rest of a burst
    this.#failures += sent && !this.#onTrial ? 1 : FAILURES_IN_A_ROW;
    this.#onTrial = false;
    const shunnings = Math.floor(this.#failures / FAILURES_IN_A_ROW);
    if (shunnings === 0) return;
    this.#shunnedUntilMs = this.nowMs() + Math.min(SHUNNED_MS_MAX, SHUNNED_MS_FIRST * 2 ** (shunnings - 1));
  }
}
