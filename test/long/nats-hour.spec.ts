import { afterAll, beforeAll, expect, it } from 'vitest';
import { LIFE, surviveNatsOutage, USES } from '../harness/nats-outage.ts';
import { Stack } from '../harness/stack.ts';

const HOUR_MS = 3_600_000;
/** Overridable, to try the test itself. */
const DURATION_MS = Number(process.env['NATS_OUTAGE_MS'] ?? HOUR_MS);

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start({ tokenServices: 2 });
});
afterAll(() => stack?.stop());

it(
  'NATS away for an hour loses no event and no use, repeats none, and keeps the order',
  { timeout: 2 * HOUR_MS },
  async () => {
    const { lives, uses } = await surviveNatsOutage(stack, {
      durationMs: DURATION_MS,
      tokensAtOnce: 2,
      pauseMs: 2_000,
    });
    expect(lives).toEqual(lives.map(() => LIFE));
    expect(uses).toEqual(lives.map(() => USES));
  },
);
