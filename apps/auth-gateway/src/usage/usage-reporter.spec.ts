import { describe, expect, it } from 'vitest';
import type { UsageBatch } from '@portcullis/contracts';
import { LeaseIdentity } from '../access-view/lease-identity.js';
import { ManualClock } from '../access-view/testing/manual-clock.js';
import { UsageReporter } from './usage-reporter.js';

interface Sent {
  id: string;
  text: string;
  mac: string;
}

function reporting(waitingEntriesMax = 1_000) {
  const clock = new ManualClock();
  const sent: Sent[] = [];
  const warnings: string[] = [];
  const state = {
    failing: false,
    identity: new LeaseIdentity({ lease_id: 'gw-1:a', lease_key: 'a2V5' }) as LeaseIdentity | undefined,
  };
  const reporter = new UsageReporter({
    instance: 'gw-1',
    clock,
    identity: () => state.identity,
    publish: async (id, payload, mac) => {
      sent.push({ id, text: Buffer.from(payload).toString(), mac });
      if (state.failing) throw new Error('no ack');
    },
    log: { info: () => {}, warn: (message) => warnings.push(message) },
    waitingEntriesMax,
  });
  return { clock, reporter, sent, warnings, state };
}

const batchOf = ({ text }: Sent): UsageBatch => JSON.parse(text) as UsageBatch;

/** Requests per token over all batches, each counted once. */
function counted(sent: Sent[]): Record<number, number> {
  const counts: Record<number, number> = {};
  const batches = new Map(sent.map((each) => [each.id, batchOf(each)]));
  for (const { token_id, count } of [...batches.values()].flatMap(({ entries }) => entries)) {
    counts[token_id] = (counts[token_id] ?? 0) + count;
  }
  return counts;
}

describe('UsageReporter', () => {
  it('reports every 500 ms what was used, and nothing when nothing was', async () => {
    const { clock, reporter, sent } = reporting();
    reporter.start();
    await clock.advance(1_000);
    expect(sent).toHaveLength(0);
    for (let use = 0; use < 1_000; use += 1) reporter.record(5, '192.0.2.1');
    await clock.advance(500);
    expect(sent).toHaveLength(1);
    expect(batchOf(sent[0] as Sent)).toMatchObject({
      id: sent[0]?.id,
      instance: 'gw-1',
      entries: [{ token_id: 5, count: 1_000 }],
    });
    expect(sent[0]?.mac).toMatch(/^gw-1:a\.[\w-]{43}$/);
  });

  it('sends a batch without a clear ack again with the same id and bytes, and new use after it', async () => {
    const { clock, reporter, sent, state } = reporting();
    reporter.start();
    reporter.record(5, 'a');
    state.failing = true;
    await clock.advance(1_000);
    reporter.record(5, 'b');
    reporter.record(6, 'b');
    await clock.advance(1_000);
    state.failing = false;
    await clock.advance(500);
    expect(new Set(sent.map(({ id, text }) => `${id} ${text}`)).size).toBe(2);
    expect(new Set(sent.map(({ id }) => id)).size).toBe(2);
    expect(counted(sent)).toEqual({ 5: 2, 6: 1 });
  });

  it('loses nothing when NATS is away for an hour', async () => {
    const { clock, reporter, sent, state, warnings } = reporting();
    reporter.start();
    state.failing = true;
    for (let minute = 0; minute < 90; minute += 1) {
      for (const id of [1, 2, 3]) reporter.record(id, 'ip');
      await clock.advance(60_000 / 10);
      clock.stepWall(54_000);
    }
    expect(reporter.waitingEntries).toBeLessThanOrEqual(9);
    state.failing = false;
    await clock.advance(500);
    expect(counted(sent)).toEqual({ 1: 90, 2: 90, 3: 90 });
    expect(warnings).toHaveLength(1);
  });

  it('drops the oldest past its bound, and says so once', async () => {
    const { clock, reporter, state, warnings } = reporting(10);
    reporter.start();
    state.failing = true;
    for (let id = 1; id <= 100; id += 1) {
      reporter.record(id, 'ip');
      await clock.advance(100);
    }
    expect(reporter.waitingEntries).toBe(10);
    expect(reporter.droppedCount).toBeGreaterThan(50);
    expect(warnings.filter((warning) => warning.includes('dropped'))).toHaveLength(1);
  });

  it('waits for a lease, and signs with the one that is held now', async () => {
    const { clock, reporter, sent, state } = reporting();
    state.identity = undefined;
    reporter.start();
    reporter.record(5, 'ip');
    await clock.advance(2_000);
    expect(sent).toHaveLength(0);
    state.identity = new LeaseIdentity({ lease_id: 'gw-1:b', lease_key: 'a2V5' });
    await clock.advance(500);
    expect(sent[0]?.mac).toMatch(/^gw-1:b\./);
  });

  it('sends the rest when it stops', async () => {
    const { reporter, sent } = reporting();
    reporter.start();
    reporter.record(5, 'ip');
    await reporter.stop(3_000);
    expect(counted(sent)).toEqual({ 5: 1 });
  });

  it('stops in bounded time when it can’t', async () => {
    const { clock, reporter, state, warnings } = reporting();
    state.failing = true;
    reporter.record(5, 'ip');
    const stopped = reporter.stop(3_000);
    await clock.advance(3_100);
    await stopped;
    expect(warnings.at(-1)).toContain('unreported');
  });
});
