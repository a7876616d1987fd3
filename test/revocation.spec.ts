import type { ReceiptDto } from '@portcullis/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeServiceToken, makeServiceUser, makeToken, uniqueName } from './harness/fixtures.ts';
import type { HttpClient } from './harness/http-client.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

const GATEWAYS = ['gw-1', 'gw-2', 'gw-3'];
const LEASE_MS = 3_000;

let stack: Stack;
let admin: HttpClient;
beforeAll(async () => {
  stack = await Stack.start({
    gateways: 3,
    tokenServices: 2,
    tokenServiceEnv: { PORTCULLIS_LEASE_MS: String(LEASE_MS) },
  });
  admin = stack.direct(0, stack.adminToken);
});
afterAll(() => stack.stop());

/** What each gateway says of a token right now: no waiting here. */
function statuses(token: string): Promise<number[]> {
  return Promise.all(GATEWAYS.map(async (_, i) => (await stack.client(i, token).get('/api/datastores')).status));
}

function receiptOf(headers: Headers): ReceiptDto {
  return JSON.parse(headers.get('portcullis-receipt') ?? 'null');
}

describe('once a change has answered', () => {
  it('no gateway accepts the revoked token, and every gateway accepts the restored one', async () => {
    const { id, bearer_token } = await makeServiceToken(admin);
    for (let round = 0; round < 10; round++) {
      const revoked = await admin.put(`/api/user-tokens/${id}`, { revoke: true });
      expect(await statuses(bearer_token)).toEqual([401, 401, 401]);
      expect(revoked.body.receipt).toMatchObject({ seq: expect.any(Number), confirmed: GATEWAYS, expired: [] });
      expect(revoked.body.receipt).toEqual(receiptOf(revoked.headers));
      const restored = await admin.put(`/api/user-tokens/${id}`, { revoke: false });
      expect(await statuses(bearer_token)).toEqual([200, 200, 200]);
      expect(restored.body.receipt).toMatchObject({ confirmed: GATEWAYS, expired: [] });
      expect(restored.body.receipt.seq).toBeGreaterThan(revoked.body.receipt.seq);
    }
  });

  it('a new user’s first token works at once, everywhere', async () => {
    const { bearer_token } = await makeServiceToken(admin);
    expect(await statuses(bearer_token)).toEqual([200, 200, 200]);
  });

  it('deactivating, demoting, leaving a team, deleting: all are true at every gateway', async () => {
    const team = uniqueName('team');
    await admin.post('/api/teams', { name: team });
    const { bearer_token, user } = await makeServiceToken(admin, { role: 'Editor', teams: [team] });
    const changes: [body: object, check: () => Promise<void>][] = [
      [
        { teams: [] },
        async () =>
          expect((await stack.client(1, bearer_token).get('/api/datastores')).body.identity.teams).toBe('Public'),
      ],
      [
        { role: 'Member' },
        async () => expect((await stack.client(2, bearer_token).post('/api/datastores', {})).status).toBe(403),
      ],
      [{ active: false }, async () => expect(await statuses(bearer_token)).toEqual([401, 401, 401])],
      [{ active: true }, async () => expect(await statuses(bearer_token)).toEqual([200, 200, 200])],
    ];
    for (const [body, check] of changes) {
      const answer = await admin.put(`/api/users/${user.id}`, body);
      await check();
      expect(receiptOf(answer.headers), JSON.stringify(body)).toMatchObject({ confirmed: GATEWAYS, expired: [] });
    }
    expect((await admin.delete(`/api/users/${user.id}`)).status).toBe(204);
    expect(await statuses(bearer_token)).toEqual([401, 401, 401]);
  });

  it('whichever token-service took the call, every gateway knows', async () => {
    const { id, bearer_token } = await makeServiceToken(admin);
    const other = stack.direct(1, stack.adminToken);
    expect((await other.put(`/api/user-tokens/${id}`, { revoke: true })).body.receipt.confirmed).toEqual(GATEWAYS);
    expect(await statuses(bearer_token)).toEqual([401, 401, 401]);
  });
});

describe('a call that changes nothing', () => {
  it('waits for the number of what it repeats, and gives a receipt again', async () => {
    const { id } = await makeServiceToken(admin);
    const first = await admin.put(`/api/user-tokens/${id}`, { revoke: true });
    const second = await admin.put(`/api/user-tokens/${id}`, { revoke: true });
    expect(second.body.receipt.seq).toBeGreaterThanOrEqual(first.body.receipt.seq);
    expect(second.body.receipt.confirmed).toEqual(GATEWAYS);
    await admin.delete(`/api/user-tokens/${id}`);
    const gone = await admin.delete(`/api/user-tokens/${id}`);
    expect(gone.status).toBe(404);
    expect(receiptOf(gone.headers).confirmed).toEqual(GATEWAYS);
  });
});

describe('Prefer: respond-async', () => {
  it('answers 202 with the number to ask about', async () => {
    const { id } = await makeServiceToken(admin);
    const answer = await admin.put(
      `/api/user-tokens/${id}`,
      { revoke: true },
      { headers: { Prefer: 'respond-async' } },
    );
    expect(answer).toMatchObject({ status: 202, body: { seq: expect.any(Number) } });
    expect(answer.headers.get('location')).toBe(`/api/access/${answer.body.seq}`);
    await waitUntil('all have confirmed', async () => {
      const { body } = await admin.get(`/api/access/${answer.body.seq}`);
      return body.pending.length === 0 && body.confirmed.length === 3;
    });
    expect((await admin.get(`/api/access/${answer.body.seq + 1_000}`)).status).toBe(404);
  });
});

describe('a gateway that does not answer', () => {
  it('is waited for until its lease is over and named as expired, and does not accept the token when it wakes up', async () => {
    const { id, bearer_token } = await makeServiceToken(admin);
    expect(await statuses(bearer_token)).toEqual([200, 200, 200]);
    const frozen = stack.gateways[2]!.process;
    frozen.kill('SIGSTOP');
    const { body } = await admin.put(`/api/user-tokens/${id}`, { revoke: true });
    expect(body.receipt).toMatchObject({ confirmed: ['gw-1', 'gw-2'], expired: ['gw-3'] });
    const asked = stack.client(2, bearer_token).get('/api/datastores');
    frozen.kill('SIGCONT');
    expect([401, 503]).toContain((await asked).status);
    await waitUntil(
      'it holds a lease again',
      async () => (await stack.client(2, bearer_token).get('/api/datastores')).status === 401,
    );
  });

  it('delays no one after it was shut down, which gives its lease back', async () => {
    const { id } = await makeServiceToken(admin);
    await stack.gateways[2]!.process.stop();
    const { body } = await admin.put(`/api/user-tokens/${id}`, { revoke: true });
    expect(body.receipt).toMatchObject({ confirmed: ['gw-1', 'gw-2'], expired: [] });
    await stack.gateways[2]!.restart();
  });
});

describe('without NATS', () => {
  it('revocation travels by the renewals', async () => {
    const user = await makeServiceUser(admin);
    const tokens = [await makeToken(admin, { user_id: user.id }), await makeToken(admin, { user_id: user.id })];
    await stack.nats.stop();
    for (const { id, bearer_token } of tokens) {
      const { body } = await admin.put(`/api/user-tokens/${id}`, { revoke: true });
      expect(await statuses(bearer_token)).toEqual([401, 401, 401]);
      expect(body.receipt).toMatchObject({ confirmed: GATEWAYS, expired: [] });
    }
    await stack.startNats();
    const { id, bearer_token } = await makeServiceToken(admin);
    await admin.put(`/api/user-tokens/${id}`, { revoke: true });
    expect(await statuses(bearer_token)).toEqual([401, 401, 401]);
  });
});
