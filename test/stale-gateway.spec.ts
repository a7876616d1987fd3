import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeServiceToken } from './harness/fixtures.ts';
import { registerLease } from './harness/held-lease.ts';
import type { HttpClient } from './harness/http-client.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

const LEASE_MS = 1_500;

let stack: Stack;
let admin: HttpClient;
/** gw-1 denies when it is cut off, gw-2 allows. */
beforeAll(async () => {
  stack = await Stack.start({
    gateways: 2,
    tokenServiceEnv: { PORTCULLIS_LEASE_MS: String(LEASE_MS) },
    gatewayEnv: (index) => ({ PORTCULLIS_WHEN_STALE: index === 1 ? 'allow' : 'deny' }),
  });
  admin = stack.direct(0, stack.adminToken);
});
afterAll(() => stack.stop());

describe('a gateway that allows when it is cut off', () => {
  it('is named as unconfirmed, not as expired, as long as it may be serving', async () => {
    const { id } = await makeServiceToken(admin);
    const frozen = stack.gateways[1]!.process;
    frozen.kill('SIGSTOP');
    const first = await admin.put(`/api/user-tokens/${id}`, { revoke: true });
    expect(first.body.receipt).toMatchObject({ confirmed: ['gw-1'], expired: [], unconfirmed: ['gw-2'] });
    const again = await admin.put(`/api/user-tokens/${id}`, { revoke: true });
    expect(again.body.receipt).toMatchObject({ confirmed: ['gw-1'], expired: [], unconfirmed: ['gw-2'] });
    const asked = await admin.get(`/api/access/${again.body.receipt.seq}`);
    expect(asked.body).toMatchObject({ confirmed: ['gw-1'], pending: [], unconfirmed: ['gw-2'] });
    frozen.kill('SIGCONT');
    await waitUntil('it confirms again', async () => {
      const { body } = await admin.put(`/api/user-tokens/${id}`, { revoke: true });
      return body.receipt.confirmed.length === 2 && !body.receipt.unconfirmed;
    });
  });

  it('is not called unconfirmed for a lease of which it never heard: the answer to a registration was lost', async () => {
    const lost = await registerLease(stack, { instance: 'gw-2', when_stale: 'allow' });
    const { id } = await makeServiceToken(admin);
    const revoked = await admin.put(`/api/user-tokens/${id}`, { revoke: true });
    expect(revoked.body.receipt).toMatchObject({ confirmed: ['gw-1', 'gw-2'] });
    await waitUntil('it is fenced', async () => {
      const { rows } = await stack.database.pool.query(
        'SELECT FROM gateway_leases WHERE lease_id = $1 AND fenced_at IS NOT NULL',
        [lost.lease_id],
      );
      return rows.length === 1;
    });
    const again = await admin.put(`/api/user-tokens/${id}`, { revoke: true });
    expect(again.body.receipt).toMatchObject({ confirmed: ['gw-1', 'gw-2'] });
  });
});

describe('when no token-service answers', () => {
  it('gateways serve until their lease is over; then one denies with 503 and one goes on', async () => {
    const { bearer_token } = await makeServiceToken(admin);
    const [denies, allows] = [stack.client(0, bearer_token), stack.client(1, bearer_token)];
    stack.tokenServices[0]!.process.kill('SIGSTOP');
    expect((await denies.get('/api/datastores')).status).toBe(200);
    const denied = await waitUntil('the lease is over', async () => {
      const answer = await denies.get('/api/datastores');
      return answer.status !== 200 && answer;
    });
    expect(denied).toMatchObject({ status: 503, body: { code: 'access_view_stale' } });
    expect(denied.headers.get('retry-after')).toBe('1');
    expect((await allows.get('/api/datastores')).status).toBe(200);
    expect((await stack.client(0).get('/readyz')).status).toBe(503);

    stack.tokenServices[0]!.process.kill('SIGCONT');
    await waitUntil('it admits again', async () => (await denies.get('/api/datastores')).status === 200);
  });
});
