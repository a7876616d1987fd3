import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeServiceToken } from './harness/fixtures.ts';
import { freezePostgres } from './harness/frozen-postgres.ts';
import type { HttpClient } from './harness/http-client.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

let stack: Stack;
let service: HttpClient;
let gateway: HttpClient;
beforeAll(async () => {
  stack = await Stack.start({ ownPostgres: true, tokenServiceEnv: { PORTCULLIS_LEASE_MS: '1500' } });
  [service, gateway] = [stack.direct(), stack.client(0)];
});
afterAll(() => stack.stop());

/** Waits until `/readyz` says this of one of the things that it looks at. @returns the whole answer */
const readyzSays = (client: HttpClient, name: string, status: string) =>
  waitUntil(`${name} is ${status}`, async () => {
    const answer = await client.get('/readyz');
    return answer.body.details[name]?.status === status && answer;
  });

const reasonsOf = (body: { errors: { field: string }[] }): string[] => body.errors.map(({ field }) => field);

const freeze = async (): Promise<() => unknown> => freezePostgres(stack.postgres!);
const stop = async (): Promise<() => unknown> => {
  await stack.postgres!.stop();
  return () => stack.startPostgres();
};

describe('/readyz', () => {
  it('of both says what was looked at, and that all is well', async () => {
    expect(await readyzSays(service, 'nats', 'up')).toMatchObject({
      status: 200,
      body: {
        status: 'ok',
        details: { process: { status: 'up' }, postgres: { status: 'up' }, outbox: { status: 'up' } },
      },
    });
    expect(await readyzSays(gateway, 'nats', 'up')).toMatchObject({
      status: 200,
      body: {
        status: 'ok',
        details: { access_view: { status: 'up' }, lease: { status: 'up' }, clock: { status: 'up' } },
      },
    });
    for (const client of [service, gateway]) {
      const { headers } = await client.get('/readyz');
      expect(headers.get('cache-control')).toContain('no-store');
    }
  });

  it('stays 200 while NATS is away, degraded, and revoking works all that time', async () => {
    await stack.nats.stop();
    try {
      for (const client of [service, gateway]) {
        expect(await readyzSays(client, 'nats', 'degraded')).toMatchObject({
          status: 200,
          body: { status: 'degraded' },
        });
      }
      const { id, bearer_token: token } = await makeServiceToken(stack.admin);
      expect((await stack.client(0, token).get('/api/datastores')).status).toBe(200);
      const revoked = await stack.admin.put(`/api/user-tokens/${id}`, { revoke: true });
      expect(revoked.body.receipt.confirmed).toEqual(['gw-1']);
      await stack.database.pool.query(
        `UPDATE outbox SET created_at = now() - interval '1 minute' WHERE published_at IS NULL`,
      );
      const { body } = await readyzSays(service, 'outbox', 'degraded');
      expect(body.details.outbox.message).toMatch(/^its oldest event has waited for \d+ s$/);
    } finally {
      await stack.startNats();
    }
    for (const client of [service, gateway]) await readyzSays(client, 'nats', 'up');
    await readyzSays(service, 'outbox', 'up');
  });

  it.each([
    ['hangs', freeze],
    ['is gone', stop],
  ])(
    'of the token-service is 503 within its second when Postgres %s, and the gateway’s once its lease is over',
    async (_, take) => {
      const bringBack = await take();
      try {
        await readyzSays(service, 'postgres', 'down');
        const startedMs = performance.now();
        const { status, headers, body, text } = await service.get('/readyz');
        expect(performance.now() - startedMs).toBeLessThan(10_000); // it would wait for 20 s otherwise
        expect(status, text).toBe(503);
        expect(headers.get('content-type')).toContain('application/problem+json');
        expect(headers.get('retry-after')).toBe('1');
        expect(body.code).toBe('not_ready');
        expect(reasonsOf(body)).toEqual(['postgres']);
        expect(text).not.toContain('127.0.0.1');
        expect((await service.get('/livez')).status).toBe(200);

        const cutOff = await readyzSays(gateway, 'lease', 'down');
        expect(cutOff.status).toBe(503);
        expect(reasonsOf(cutOff.body)).toEqual(['lease']);
        expect((await gateway.get('/livez')).status).toBe(200);
        expect((await gateway.get('/api/status')).body.status).toBe('not_ready');
      } finally {
        await bringBack();
      }
      await readyzSays(service, 'postgres', 'up');
      await readyzSays(gateway, 'lease', 'up');
    },
  );
});
