import { waitFor } from '../../scripts/stack/wait-for.ts';

const TIMEOUT_MS = 30_000;

/** Waits for a condition, 30 seconds unless told, and gives what it gave. @throws when it never came */
export function waitUntil<T>(
  what: string,
  probe: () => T | undefined | null | false | Promise<T | undefined | null | false>,
  timeoutMs: number = TIMEOUT_MS,
): Promise<T> {
  return waitFor(what, async () => (await probe()) ?? undefined, { timeoutMs });
}
