import { describe, expect, it } from 'vitest';
import { parseRate } from './rate.js';

describe('a rate', () => {
  it.each([
    ['100/s', { count: 100, windowSeconds: 1, burst: 100, intervalMs: 10, depthMs: 1_000 }],
    ['6/min burst 50', { count: 6, windowSeconds: 60, burst: 50, intervalMs: 10_000, depthMs: 500_000 }],
    ['1000/h burst 1', { count: 1_000, windowSeconds: 3_600, burst: 1 }],
    ['1000000/day', { count: 1_000_000, windowSeconds: 86_400, burst: 1_000_000 }],
  ])('is read from %j', (text, rate) => expect(parseRate(text)).toMatchObject(rate));

  it.each(['', '100', '100/', '/s', '0/s', '-1/s', '1.5/s', '100/sec', '100/S', '100 / s', '1/s burst 0', '1/s burst'])(
    'is not %j',
    (text) => expect(parseRate(text)).toBeUndefined(),
  );

  it.each(['1000001/s', '1/s burst 1000001', '99999999/s', ' 1/s', '1/s\n', 100, null, ['1/s']])('is not %j', (text) =>
    expect(parseRate(text)).toBeUndefined(),
  );
});
