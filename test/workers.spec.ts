import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeServiceToken } from './harness/fixtures.ts';
import type { HttpClient } from './harness/http-client.ts';
import { childrenOf } from './harness/process-table.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

const LEASE_MS = 1_500;

let stack: Stack;
let admin: HttpClient;
beforeAll(async () => {
  stack = await Stack.start({
    tokenServiceEnv: { PORTCULLIS_LEASE_MS: String(LEASE_MS) },
    gatewayEnv: { PORTCULLIS_WORKERS: '2' },
  });
  admin = stack.direct(0, stack.adminToken);
  await waitUntil('both workers hold a lease', async () => (await leases()).length === 2);
});
afterAll(() => stack.stop());

/** The leases that are held now, worker by worker. */
async function leases(): Promise<{ instance: string; worker: number; state: string }[]> {
  const { body } = await admin.get('/api/gateways');
  return body.gateways.filter(({ state }: { state: string }) => state !== 'fenced');
}

function workerPids(): number[] {
  return childrenOf(stack.gateways[0]!.process.pid);
}

/** Each on a connection of its own; connections go to the workers in turn. */
function statusesOf(token: string, count: number): Promise<number[]> {
  const ask = async (): Promise<number> => {
    const headers = { Authorization: `Bearer ${token}`, Connection: 'close' };
    const answer = await fetch(`${stack.gateways[0]!.url}/api/datastores`, { headers });
    await answer.arrayBuffer();
    return answer.status;
  };
  return Promise.all(Array.from({ length: count }, ask));
}

describe('a gateway of two workers', () => {
  it('holds two leases under one name', async () => {
    const held = await leases();
    expect(held.map(({ instance, worker }) => `${instance}/${worker}`)).toEqual(['gw-1/0', 'gw-1/1']);
    expect(workerPids()).toHaveLength(2);
  });

  it('refuses a revoked token in both once the revoke has answered, and is confirmed once', async () => {
    const { id, bearer_token } = await makeServiceToken(admin);
    expect(new Set(await statusesOf(bearer_token, 10))).toEqual(new Set([200]));
    const { body } = await admin.put(`/api/user-tokens/${id}`, { revoke: true });
    expect(body.receipt).toMatchObject({ confirmed: ['gw-1'], expired: [] });
    expect(new Set(await statusesOf(bearer_token, 10))).toEqual(new Set([401]));
  });

  it('is not confirmed while one of them has not', async () => {
    const { id } = await makeServiceToken(admin);
    const [frozen] = workerPids() as [number];
    process.kill(frozen, 'SIGSTOP');
    const { body } = await admin.put(`/api/user-tokens/${id}`, { revoke: true });
    process.kill(frozen, 'SIGCONT');
    expect(body.receipt).toMatchObject({ confirmed: [], expired: ['gw-1'] });
    await waitUntil('both hold a lease again', async () => (await leases()).every(({ state }) => state === 'ok'));
  });

  it('replaces one that is killed, and goes on with the other meanwhile', async () => {
    const { bearer_token } = await makeServiceToken(admin);
    const [killed] = workerPids() as [number];
    process.kill(killed, 'SIGKILL');
    await waitUntil('it is gone', () => !workerPids().includes(killed));
    expect(await statusesOf(bearer_token, 4)).toEqual([200, 200, 200, 200]);
    await waitUntil('another one takes its place', () => workerPids().length === 2);
    await waitUntil('it serves', async () => (await leases()).every(({ state }) => state === 'ok'));
    expect(new Set(await statusesOf(bearer_token, 10))).toEqual(new Set([200]));
  });

  it('releases both leases when it is stopped, and ends without an error', async () => {
    const { process: gateway } = stack.gateways[0]!;
    gateway.kill('SIGTERM');
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
    const { rows } = await stack.database.pool.query(
      "SELECT count(*)::integer AS held FROM gateway_leases WHERE released_at IS NULL AND fenced_at IS NULL AND renewed_at > now() - interval '1 second'",
    );
    expect(rows[0].held).toBe(0);
  });

  it('ends with an error when its workers can not start', async () => {
    await expect(
      stack.gateways[0]!.restart({ PORTCULLIS_PORT: new URL(stack.tokenServices[0]!.url).port }),
    ).rejects.toThrow(/EADDRINUSE|could not start/);
  });
});
