import { randomUUID } from 'node:crypto';
import type { PortcullisEvent, UsageBatch, UsageEntry } from '@portcullis/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { OutboxRelay } from '../events/outbox-relay.js';
import { eventually, insertToken, type Services, startServices } from '../events/testing/services.js';
import { UsageIntake } from './usage-intake.js';
import { UsageLedger } from './usage-ledger.js';

const TEST_TIMEOUT_MS = 60_000;
const INTERVAL_SECONDS = 3_600;

let services: Services;
let ledger: UsageLedger;
let tokenId: number;

beforeAll(async () => {
  services = await startServices();
  const { dataSource, nats, postgres } = services;
  const relay = new OutboxRelay({ databaseUrl: postgres.url, replicas: 1 }, nats, dataSource);
  ledger = new UsageLedger({ tokenUsedIntervalSeconds: INTERVAL_SECONDS, replicas: 1 }, dataSource, relay);
}, TEST_TIMEOUT_MS);
afterAll(() => services.stop(), TEST_TIMEOUT_MS);

beforeEach(async () => {
  await services.dataSource.query('TRUNCATE outbox, usage_batches, tokens CASCADE');
  tokenId = await insertToken(services.dataSource, 'ci');
});

const nowMs = () => Date.now();
const hourOf = (ms: number) => Math.floor(ms / 3_600_000) * 3_600;

function used(overrides: Partial<UsageEntry> = {}): UsageEntry {
  const lastUsed = overrides.last_used ?? nowMs();
  return { token_id: tokenId, hour: hourOf(lastUsed), count: 1, last_used: lastUsed, ip: '10.0.0.1', ...overrides };
}

function batch(...entries: UsageEntry[]): UsageBatch {
  return { id: randomUUID(), instance: 'gw-1', entries };
}

interface LastUsed {
  last_used: Date;
  ip: string;
  gateway: string;
}

async function lastUsed(id = tokenId): Promise<LastUsed | undefined> {
  const rows = await services.dataSource.query<LastUsed[]>('SELECT * FROM token_last_used WHERE token_id = $1', [id]);
  return rows[0];
}

async function hours(): Promise<{ count: number; last_ip: string }[]> {
  return services.dataSource.query('SELECT count, last_ip FROM token_usage_hourly WHERE token_id = $1 ORDER BY hour', [
    tokenId,
  ]);
}

async function events(): Promise<PortcullisEvent<'TokenUsed'>[]> {
  const rows = await services.dataSource.query<{ payload: string }[]>('SELECT payload FROM outbox ORDER BY id');
  return rows.map(({ payload }) => JSON.parse(payload) as PortcullisEvent<'TokenUsed'>);
}

const intervalPasses = () =>
  services.dataSource.query(
    `UPDATE token_last_used SET event_at = event_at - make_interval(secs => ${INTERVAL_SECONDS})`,
  );

describe('the usage ledger', () => {
  it('counts a batch once that is delivered twice', async () => {
    const delivered = batch(used({ count: 3 }));
    expect(await ledger.applyBatch(delivered)).toBe(true);
    expect(await ledger.applyBatch(delivered)).toBe(false);
    expect(await hours()).toEqual([{ count: 3, last_ip: '10.0.0.1' }]);
  });

  it('counts a batch once that two replicas apply at the same time', async () => {
    const delivered = batch(used({ count: 3 }));
    const results = await Promise.all([ledger.applyBatch(delivered), ledger.applyBatch(delivered)]);
    expect(results.toSorted()).toEqual([false, true]);
    expect(await hours()).toEqual([{ count: 3, last_ip: '10.0.0.1' }]);
    expect(await events()).toHaveLength(1);
  });

  it('says TokenUsed at the first use, then at most once per interval, with the count since', async () => {
    const first = nowMs() - 60_000;
    await ledger.applyBatch(batch(used({ last_used: first, count: 2 })));
    await ledger.applyBatch(batch(used({ count: 3 })));
    await ledger.applyBatch(batch(used({ count: 4 })));
    expect(await events()).toHaveLength(1);
    await intervalPasses();
    await ledger.applyBatch(batch(used({ count: 5, ip: '10.0.0.9' })));

    const [one, two, ...more] = await events();
    expect(more).toEqual([]);
    const time = `${new Date(first).toISOString().slice(0, 19)}Z`;
    expect(one).toMatchObject({ type: 'TokenUsed', subject: `token/${tokenId}` });
    expect(one!.data).toMatchObject({
      token: { id: tokenId, name: 'ci' },
      count: 2,
      last_used: time,
      ip: '10.0.0.1',
      gateway: 'gw-1',
    });
    expect(two!.data).toMatchObject({ count: 12, ip: '10.0.0.9' });
  });

  it('never goes back in time, and takes what is in the future for now', async () => {
    const latest = nowMs();
    await ledger.applyBatch(batch(used({ last_used: latest, ip: '10.0.0.2' })));
    await ledger.applyBatch(batch(used({ last_used: latest - 5_000, hour: hourOf(latest), ip: '10.0.0.3' })));
    expect(await lastUsed()).toMatchObject({ last_used: new Date(latest), ip: '10.0.0.2' });
    await ledger.applyBatch(batch(used({ last_used: latest + 86_400_000 })));
    expect((await lastUsed())!.last_used.getTime()).toBeLessThanOrEqual(nowMs());
    expect((await hours()).reduce((sum, { count }) => sum + count, 0)).toBe(3);
  });

  it('leaves out tokens that do not exist and counts the others, in any order and with repetitions', async () => {
    const other = await insertToken(services.dataSource, 'other');
    await ledger.applyBatch(batch(used({ token_id: other }), used({ token_id: 999_999 }), used(), used({ count: 2 })));
    expect(await hours()).toEqual([{ count: 3, last_ip: '10.0.0.1' }]);
    expect(await lastUsed(other)).toBeDefined();
    expect(await lastUsed(999_999)).toBeUndefined();
    expect(await events()).toHaveLength(2);
  });

  it('takes an empty batch', async () => {
    expect(await ledger.applyBatch(batch())).toBe(true);
  });

  it('orders TokenUsed behind a revoke that holds the token', async () => {
    const { dataSource } = services;
    await ledger.applyBatch(batch(used()));
    await intervalPasses();
    const revoke = dataSource.createQueryRunner();
    await revoke.startTransaction();
    await revoke.query('SELECT FROM tokens WHERE id = $1 FOR UPDATE', [tokenId]);
    const applied = ledger.applyBatch(batch(used()));
    await eventually('the usage to wait for the lock', async () => {
      const waiting = await dataSource.query<unknown[]>(`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'`);
      return waiting.length > 0;
    });
    await revoke.query(
      `INSERT INTO outbox (event_id, subject, payload) VALUES (gen_random_uuid(), 'x', '{"type":"TokenRevoked"}')`,
    );
    await revoke.commitTransaction();
    await revoke.release();
    await applied;
    expect((await events()).map(({ type }) => type)).toEqual(['TokenUsed', 'TokenRevoked', 'TokenUsed']);
  });

  it(
    'survives tokens being deleted and batches overlapping at the same time',
    { timeout: TEST_TIMEOUT_MS },
    async () => {
      const ids: number[] = [];
      for (let n = 0; n < 40; n += 1) ids.push(await insertToken(services.dataSource, `many ${n}`));
      const entries = ids.map((id) => used({ token_id: id }));
      const applying = Array.from({ length: 12 }, (_, n) =>
        ledger.applyBatch(batch(...(n % 2 ? entries : entries.toReversed()))),
      );
      const deleting = ids
        .filter((_, n) => n % 2)
        .map((id) => services.dataSource.query('DELETE FROM tokens WHERE id = $1', [id]));
      await Promise.all([...applying, ...deleting]);
      const [row] = await services.dataSource.query<{ counted: number }[]>(
        'SELECT min(count)::integer AS counted FROM token_usage_hourly WHERE token_id = ANY ($1::bigint[])',
        [ids],
      );
      expect(row!.counted).toBe(12);
    },
  );
});

describe('the intake of direct requests', () => {
  it('coalesces, and writes within half a second', async () => {
    const intake = new UsageIntake(ledger);
    intake.onApplicationBootstrap();
    for (let n = 0; n < 100; n += 1) intake.record(tokenId, '192.0.2.7');
    await eventually('the use to be written', () => lastUsed());
    await intake.onApplicationShutdown();
    expect(await lastUsed()).toMatchObject({ gateway: 'token-service', ip: '192.0.2.7' });
    expect((await hours()).reduce((sum, { count }) => sum + count, 0)).toBe(100);
  });

  it('tries a batch again under the same id, so an outcome that was lost counts once', async () => {
    let attempts = 0;
    const flaky = {
      async applyBatch(delivered: UsageBatch) {
        await ledger.applyBatch(delivered);
        attempts += 1;
        if (attempts === 1) throw new Error('The connection went away after the commit');
        return true;
      },
    };
    const intake = new UsageIntake(flaky as UsageLedger);
    intake.record(tokenId, '192.0.2.7');
    expect(await intake.flush()).toBe(false);
    intake.record(tokenId, '192.0.2.7');
    await intake.onApplicationShutdown();
    expect((await hours()).reduce((sum, { count }) => sum + count, 0)).toBe(2);
  });
});
