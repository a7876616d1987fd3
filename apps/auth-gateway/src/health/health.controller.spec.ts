import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { HealthIndicatorService, TerminusModule } from '@nestjs/terminus';
import { Test } from '@nestjs/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { ProblemFilter, type WhenStale } from '@portcullis/contracts';
import { NatsClient } from '@portcullis/messaging';
import { AccessReplica } from '../access-view/access-replica.js';
import { instantOf } from '../access-view/clock.js';
import { Lease } from '../access-view/lease.js';
import { ManualClock } from '../access-view/testing/manual-clock.js';
import { ModelLedger } from '../access-view/testing/model-ledger.js';
import { GATEWAY_CONFIG } from '../config.js';
import { HealthController } from './health.controller.js';
import { Readiness } from './readiness.js';

let app: NestFastifyApplication;
const clock = new ManualClock();
const lease = new Lease(clock);

afterEach(() => app.close());

async function started(whenStale: WhenStale = 'deny') {
  const replica = new AccessReplica();
  const follower = { clockOffMs: 0 };
  const nats = { isConnected: false };
  const readiness = new Readiness(new HealthIndicatorService(), { replica, lease, follower, nats, whenStale });
  const module = await Test.createTestingModule({
    imports: [TerminusModule.forRoot({ logger: false })],
    controllers: [HealthController],
    providers: [
      { provide: GATEWAY_CONFIG, useValue: { instance: 'gw-1' } },
      { provide: Readiness, useValue: readiness },
      { provide: AccessReplica, useValue: replica },
      { provide: NatsClient, useValue: nats },
    ],
  }).compile();
  app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: false });
  app.useGlobalFilters(new ProblemFilter());
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  return { replica, follower, nats, readiness };
}

const get = async (url: string) => {
  const { statusCode, headers, body } = await app.inject({ method: 'GET', url });
  return { statusCode, type: headers['content-type'], body: JSON.parse(body) as Record<string, unknown> };
};

async function reasons(): Promise<unknown> {
  const { statusCode, type, body } = await get('/readyz');
  expect(statusCode).toBe(503);
  expect(type).toContain('application/problem+json');
  return (body['errors'] as { field: string }[]).map(({ field }) => field);
}

describe('HealthController', () => {
  it('is alive from the start, and ready only with a view and a lease', async () => {
    const { replica } = await started();
    expect((await get('/livez')).statusCode).toBe(200);
    expect(await reasons()).toEqual(['access_view', 'lease']);
    replica.install(new ModelLedger().replayedTo(0));
    expect(await reasons()).toEqual(['lease']);
    lease.extend(instantOf(clock), 1_000);
    expect((await get('/readyz')).statusCode).toBe(200);
    await clock.advance(1_000);
    expect(await reasons()).toEqual(['lease']);
  });

  it('is not ready with a wall clock that is off, or while it shuts down', async () => {
    const { replica, follower, readiness } = await started();
    replica.install(new ModelLedger().replayedTo(0));
    lease.extend(instantOf(clock), 1_000);
    follower.clockOffMs = 5_001;
    expect(await reasons()).toEqual(['clock']);
    follower.clockOffMs = 5_000;
    expect((await get('/readyz')).statusCode).toBe(200);
    readiness.drain();
    expect(await reasons()).toEqual(['process']);
  });

  it('is degraded and stays ready while NATS is away: it follows the ledger by its renewals', async () => {
    const { replica, nats } = await started();
    replica.install(new ModelLedger().replayedTo(0));
    lease.extend(instantOf(clock), 1_000);
    expect(await get('/readyz')).toMatchObject({
      statusCode: 200,
      body: { status: 'degraded', details: { lease: { status: 'up' }, nats: { status: 'degraded' } } },
    });
    nats.isConnected = true;
    expect(await get('/readyz')).toMatchObject({ statusCode: 200, body: { status: 'ok' } });
  });

  it('goes on without a lease, degraded, where it was told to go on with what it knows', async () => {
    const { replica } = await started('allow');
    lease.close();
    expect(await reasons()).toEqual(['access_view', 'lease']);
    replica.install(new ModelLedger().replayedTo(0));
    expect(await get('/readyz')).toMatchObject({
      statusCode: 200,
      body: { status: 'degraded', details: { lease: { status: 'degraded' } } },
    });
  });

  it('tells version and health in brief', async () => {
    const { replica } = await started();
    replica.install(new ModelLedger().replayedTo(0));
    lease.close();
    expect((await get('/api/status')).body).toEqual({
      status: 'not_ready',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/) as string,
      instance: 'gw-1',
      access_seq: 0,
      nats: 'away',
    });
  });
});
