import type { PortcullisEvent } from '@portcullis/contracts';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { OutboxRelay } from './outbox-relay.js';
import { insertToken, type Services, startServices } from './testing/services.js';
import { TokenExpiry } from './token-expiry.js';

const TEST_TIMEOUT_MS = 60_000;
const HOUR_MS = 3_600_000;

let services: Services;
let expiry: TokenExpiry;

beforeAll(async () => {
  services = await startServices();
  const { dataSource, nats, postgres } = services;
  expiry = new TokenExpiry(dataSource, new OutboxRelay({ databaseUrl: postgres.url, replicas: 1 }, nats, dataSource));
}, TEST_TIMEOUT_MS);
afterAll(() => services.stop(), TEST_TIMEOUT_MS);

beforeEach(() => services.dataSource.query('TRUNCATE outbox, tokens CASCADE'));

const anHourAgo = () => new Date(Date.now() - HOUR_MS);

async function events(): Promise<PortcullisEvent<'TokenExpired'>[]> {
  const rows = await services.dataSource.query<{ payload: string }[]>('SELECT payload FROM outbox ORDER BY id');
  return rows.map(({ payload }) => JSON.parse(payload) as PortcullisEvent<'TokenExpired'>);
}

it('says once that a token’s time has come', async () => {
  const id = await insertToken(services.dataSource, 'over', anHourAgo());
  await insertToken(services.dataSource, 'running', new Date(Date.now() + HOUR_MS));
  await insertToken(services.dataSource, 'never', null);
  expect(await expiry.sweep()).toBe(1);
  expect(await expiry.sweep()).toBe(0);

  const [event, ...more] = await events();
  expect(more).toEqual([]);
  expect(event).toMatchObject({ type: 'TokenExpired', subject: `token/${id}` });
  expect(event!.data).toMatchObject({
    token: { id, name: 'over', user: { user_id: 'ada', user_type: 'User' } },
    actor: { user_id: null, token_id: 'system' },
  });
  expect(event!.data.token.expiration).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
});

it('says nothing of a token that was revoked before its time', async () => {
  const id = await insertToken(services.dataSource, 'revoked', anHourAgo());
  await services.dataSource.query('UPDATE tokens SET revoked_at = expires_at WHERE id = $1', [id]);
  expect(await expiry.sweep()).toBe(0);
});

it('says each once when two replicas sweep at the same time, and skips what is locked', async () => {
  for (let n = 0; n < 20; n += 1) await insertToken(services.dataSource, `over ${n}`, anHourAgo());
  const locker = services.dataSource.createQueryRunner();
  await locker.startTransaction();
  await locker.query('SELECT FROM tokens ORDER BY id LIMIT 5 FOR UPDATE');
  const counts = await Promise.all([expiry.sweep(), expiry.sweep()]);
  expect(counts[0] + counts[1]).toBe(15);
  await locker.rollbackTransaction();
  await locker.release();
  expect(await expiry.sweep()).toBe(5);
  expect(new Set((await events()).map(({ subject }) => subject)).size).toBe(20);
});
