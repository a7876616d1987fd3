/** Time, as the lease counts it. Injected, so that tests move it by hand. */
export interface Clock {
  /** Milliseconds since some moment; never steps, but may stand still while the machine is suspended. */
  monotonicMs(): number;
  /** Milliseconds since 1970; may step, but goes on while the machine is suspended. */
  wallMs(): number;
  /** Calls `run` once after `delayMs`. @returns a function that cancels it */
  after(delayMs: number, run: () => void): () => void;
}

/** One moment on both clocks. */
export interface Instant {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export function instantOf(clock: Clock): Instant {
  return { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
}

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
