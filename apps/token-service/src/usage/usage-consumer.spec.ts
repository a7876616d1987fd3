import { randomBytes, randomUUID } from 'node:crypto';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import { LEASE_MAC_HEADER, USAGE_STREAM, type UsageBatch, usageSubject } from '@portcullis/contracts';
import { ensureUsageStream, signWithLease } from '@portcullis/messaging';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { OutboxRelay } from '../events/outbox-relay.js';
import { eventually, insertToken, type Services, startServices } from '../events/testing/services.js';
import { UsageConsumer } from './usage-consumer.js';
import { UsageLedger } from './usage-ledger.js';
import type { LeaseKeys } from './usage-options.js';

const TEST_TIMEOUT_MS = 60_000;
const LEASE = 'gw.1:abc';
const KEY = randomBytes(32);
const OPTIONS = { tokenUsedIntervalSeconds: 3_600, replicas: 1 };

const leaseKeys: LeaseKeys = { keyOf: async (leaseId) => (leaseId === LEASE ? KEY : undefined) };

let services: Services;
let ledger: UsageLedger;
let tokenId: number;
const consumers: UsageConsumer[] = [];

beforeAll(async () => {
  services = await startServices();
  const { dataSource, nats, postgres } = services;
  const relay = new OutboxRelay({ databaseUrl: postgres.url, replicas: 1 }, nats, dataSource);
  ledger = new UsageLedger(OPTIONS, dataSource, relay);
  await ensureUsageStream(await nats.connection(), OPTIONS);
}, TEST_TIMEOUT_MS);
afterAll(() => services.stop(), TEST_TIMEOUT_MS);

beforeEach(async () => {
  await services.dataSource.query('TRUNCATE outbox, usage_batches, tokens CASCADE');
  tokenId = await insertToken(services.dataSource, 'ci');
});
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(consumers.splice(0).map((consumer) => consumer.onApplicationShutdown()));
}, TEST_TIMEOUT_MS);

function startConsumer(): UsageConsumer {
  const consumer = new UsageConsumer(OPTIONS, services.nats, ledger, leaseKeys);
  consumers.push(consumer);
  consumer.onApplicationBootstrap();
  return consumer;
}

function batch(): UsageBatch {
  const lastUsed = Date.now();
  const hour = Math.floor(lastUsed / 3_600_000) * 3_600;
  const entry = { token_id: tokenId, hour, count: 1, last_used: lastUsed, ip: '10.0.0.1' };
  return { id: randomUUID(), instance: 'gw.1', entries: [entry] };
}

interface Forgery {
  leaseId?: string;
  key?: Buffer;
  subject?: string;
  header?: string | null;
}

async function report(
  value: unknown,
  { leaseId = LEASE, key = KEY, subject = usageSubject('gw.1'), header }: Forgery = {},
) {
  const payload = Buffer.from(JSON.stringify(value));
  const signed = headers();
  if (header !== null) signed.set(LEASE_MAC_HEADER, header ?? signWithLease(leaseId, key, payload));
  await jetstream(await services.nats.connection()).publish(subject, payload, { headers: signed });
}

async function counted(): Promise<number> {
  const [row] = await services.dataSource.query<{ count: number }[]>(
    'SELECT coalesce(sum(count), 0)::integer AS count FROM token_usage_hourly',
  );
  return row!.count;
}

async function queued(): Promise<number> {
  const jsm = await jetstreamManager(await services.nats.connection());
  return (await jsm.streams.info(USAGE_STREAM)).state.messages;
}

const queueEmpty = () => eventually('the queue to be empty', async () => (await queued()) === 0);

it('counts reports, whichever replica gets them, and takes them off the queue', async () => {
  startConsumer();
  startConsumer();
  for (let n = 0; n < 20; n += 1) await report(batch());
  await queueEmpty();
  expect(await counted()).toBe(20);
});

it('counts a report once that is sent twice', async () => {
  startConsumer();
  const sent = batch();
  await report(sent);
  await report(sent);
  await queueEmpty();
  expect(await counted()).toBe(1);
});

it('throws away what is forged or malformed, and goes on', async () => {
  const good = batch();
  const consumer = startConsumer();
  await report(good, { header: null });
  await report(good, { header: 'nonsense' });
  await report(good, { leaseId: 'gw.1:other' });
  await report(good, { key: randomBytes(32) });
  await report({ ...good, instance: 'gw.2' });
  await report(good, { subject: usageSubject('gw.2') });
  await report({ ...good, id: 'x' });
  await report({ ...good, entries: [{ ...good.entries[0], count: -1 }] });
  await report({ ...good, entries: [{ ...good.entries[0], hour: 1 }] });
  await report({ ...good, entries: [{ ...good.entries[0], ip: 'a\u0000b' }] });
  await report({ ...good, entries: {} });
  await report('text');
  await report(good);
  await queueEmpty();
  expect(await counted()).toBe(1);
  expect(Object.fromEntries(consumer.rejections)).toEqual({ no_mac: 2, unknown_lease: 1, wrong_mac: 1, malformed: 8 });
});

it('delivers a report again that could not be counted, and acknowledges only what was committed', async () => {
  const applyBatch = vi
    .spyOn(ledger, 'applyBatch')
    .mockRejectedValueOnce(Object.assign(new Error('down'), { code: '57P03' }));
  startConsumer();
  await report(batch());
  await eventually('a second delivery', () => applyBatch.mock.calls.length === 2);
  await queueEmpty();
  expect(await counted()).toBe(1);
});

it('comes back by itself when NATS was away', { timeout: TEST_TIMEOUT_MS }, async () => {
  startConsumer();
  await report(batch());
  await queueEmpty();
  await services.stopNats();
  await eventually('NATS to be gone', () => !services.nats.isConnected);
  await services.startNatsAgain();
  await report(batch());
  await queueEmpty();
  expect(await counted()).toBe(2);
});

it('makes a deleted stream anew', { timeout: TEST_TIMEOUT_MS }, async () => {
  startConsumer();
  await report(batch());
  await queueEmpty();
  const jsm = await jetstreamManager(await services.nats.connection());
  await jsm.streams.delete(USAGE_STREAM);
  await eventually('the stream to be there again', () => jsm.streams.info(USAGE_STREAM).catch(() => undefined));
  await report(batch());
  await queueEmpty();
  expect(await counted()).toBe(2);
});
