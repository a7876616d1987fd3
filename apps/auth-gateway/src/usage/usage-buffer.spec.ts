import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { USAGE_BATCH_ENTRIES_MAX } from '@portcullis/contracts';
import { UsageBuffer } from './usage-buffer.js';

const HOUR_MS = 3_600_000;
const NOON = Date.UTC(2026, 10, 21, 12);

describe('UsageBuffer', () => {
  it('coalesces per token and hour', () => {
    const buffer = new UsageBuffer(100);
    buffer.add(5, '192.0.2.1', NOON + 1);
    buffer.add(5, '192.0.2.2', NOON + 2);
    buffer.add(6, '192.0.2.3', NOON + 3);
    buffer.add(5, '192.0.2.4', NOON + HOUR_MS);
    const hour = NOON / 1000;
    expect(buffer.take()).toEqual([
      { token_id: 5, hour, count: 2, last_used: NOON + 2, ip: '192.0.2.2' },
      { token_id: 6, hour, count: 1, last_used: NOON + 3, ip: '192.0.2.3' },
      { token_id: 5, hour: hour + 3_600, count: 1, last_used: NOON + HOUR_MS, ip: '192.0.2.4' },
    ]);
    expect(buffer.size).toBe(0);
  });

  it('gives out batches of bounded size', () => {
    const buffer = new UsageBuffer(10_000);
    for (let id = 1; id <= USAGE_BATCH_ENTRIES_MAX + 1; id += 1) buffer.add(id, 'ip', NOON);
    expect(buffer.take()).toHaveLength(USAGE_BATCH_ENTRIES_MAX);
    expect(buffer.take()).toHaveLength(1);
    expect(buffer.take()).toHaveLength(0);
  });

  it('drops the oldest past its bound, and counts them', () => {
    const buffer = new UsageBuffer(2);
    buffer.add(1, 'ip', NOON);
    buffer.add(1, 'ip', NOON);
    buffer.add(2, 'ip', NOON);
    buffer.add(3, 'ip', NOON + HOUR_MS);
    expect(buffer.droppedCount).toBe(2);
    expect(buffer.take().map((entry) => entry.token_id)).toEqual([2, 3]);
  });

  it('loses and invents nothing, whatever comes between additions and batches', () => {
    const op = fc.oneof(
      fc.record({ token: fc.integer({ min: 1, max: 5 }), hours: fc.integer({ min: -1, max: 3 }) }),
      fc.constant('take' as const),
    );
    fc.assert(
      fc.property(fc.array(op, { maxLength: 80 }), fc.integer({ min: 1, max: 8 }), (ops, entriesMax) => {
        const buffer = new UsageBuffer(entriesMax);
        let added = 0;
        let taken = 0;
        const take = (): number => buffer.take().reduce((sum, { count }) => sum + count, 0);
        for (const each of ops) {
          if (each === 'take') taken += take();
          else {
            buffer.add(each.token, 'ip', NOON + each.hours * HOUR_MS);
            added += 1;
          }
          expect(buffer.size).toBeLessThanOrEqual(entriesMax);
        }
        taken += take();
        expect(taken + buffer.droppedCount).toBe(added);
        expect(buffer.size).toBe(0);
      }),
    );
  });
});
