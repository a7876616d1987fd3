import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  timeoutMs: number;
  /** Pause between two probes. */
  intervalMs?: number;
}

/**
 * Asks `probe` again and again until it gives something other than `undefined` or `false`.
 *
 * @param what names the condition, for the error.
 * @returns what the probe gave.
 * @throws what the probe throws, at once; an Error when `timeoutMs` has passed.
 */
export async function waitFor<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  { timeoutMs, intervalMs = 20 }: WaitOptions,
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    if (performance.now() >= deadlineMs) {
      throw new Error(`gave up after ${timeoutMs / 1000} s waiting for ${what}`);
    }
    await sleep(intervalMs);
  }
}
