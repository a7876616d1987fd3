import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeServiceToken, makeServiceUser, makeToken } from './harness/fixtures.ts';
import type { HttpClient } from './harness/http-client.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

let stack: Stack;
let admin: HttpClient;
beforeAll(async () => {
  stack = await Stack.start({ gateways: 2 });
  admin = stack.admin;
});
afterAll(() => stack.stop());

const open = async (token: string): Promise<number[]> =>
  Promise.all([0, 1].map(async (i) => (await stack.client(i, token).get('/api/datastores')).status));

describe('revoking many tokens at once', () => {
  it('shows first what it would hit and who would notice, and changes nothing then', async () => {
    const token = await makeServiceToken(admin);
    const unused = await makeToken(admin, { user_id: token.user.id });
    expect(await open(token.bearer_token)).toEqual([200, 200]);
    await waitUntil('its use is known', async () => (await admin.get(`/api/user-tokens/${token.id}`)).body.last_used);

    const { status, body } = await admin.post('/api/user-tokens/revoke', { user_id: token.user.id, dry_run: true });
    expect(status).toBe(200);
    expect(body).toMatchObject({ count: 2, used_in_last_hour: 1, dry_run: true });
    expect(body).not.toHaveProperty('receipt');
    expect(body.tokens).toMatchObject([
      { id: token.id, used_in_last_hour: true, last_ip: '127.0.0.1' },
      { id: unused.id, used_in_last_hour: false, last_ip: null, last_used: null },
    ]);
    expect(await open(token.bearer_token)).toEqual([200, 200]);
  });

  it('is one change with one receipt, and true at every gateway when it answers', async () => {
    const user = await makeServiceUser(admin);
    const tokens = [];
    for (let i = 0; i < 70; i++) tokens.push(await makeToken(admin, { user_id: user.id })); // more than one message carries
    const spared = await makeServiceToken(admin);
    const { body } = await admin.post('/api/user-tokens/revoke', { user_id: user.id });
    const statuses = await Promise.all(tokens.map((token) => open(token.bearer_token)));
    expect(new Set(statuses.flat())).toEqual(new Set([401]));
    expect(body).toMatchObject({ count: 70, dry_run: false, receipt: { confirmed: ['gw-1', 'gw-2'], expired: [] } });
    expect(await open(spared.bearer_token)).toEqual([200, 200]);
    expect((await admin.post('/api/user-tokens/revoke', { user_id: user.id })).body).toMatchObject({
      count: 0,
      tokens: [],
    });
  });

  it('takes only tokens for which all conditions are true', async () => {
    const token = await makeServiceToken(admin);
    const none = [
      { ids: [token.id], issued_before: '2020-01-01T00:00:00Z' },
      { ids: [token.id], type: 'Personal' },
      { ids: [token.id], user_id: 1 },
    ];
    for (const filter of none) expect((await admin.post('/api/user-tokens/revoke', filter)).body.count).toBe(0);
    const both = { ids: [token.id], unused_since: '2020-01-01T00:00:00Z', type: 'Service' };
    expect((await admin.post('/api/user-tokens/revoke', both)).body.count).toBe(1);
  });

  it('refuses a filter without a condition, a wrong one, and anyone but an Admin', async () => {
    const manager = stack.client(0, (await makeServiceToken(admin, { role: 'Manager' })).bearer_token);
    expect((await manager.post('/api/user-tokens/revoke', { user_id: 1 })).status).toBe(403);
    const wrong: [object, string][] = [
      [{}, 'body'],
      [{ dry_run: true }, 'body'],
      [{ ids: [] }, 'ids'],
      [{ ids: ['1'] }, 'ids'],
      [{ ids: null }, 'ids'],
      [{ issued_before: '2026-02-30T00:00:00Z' }, 'issued_before'],
      [{ unused_since: 'yesterday' }, 'unused_since'],
      [{ type: 'All' }, 'type'],
      [{ all: true }, 'all'],
    ];
    for (const [filter, field] of wrong) {
      const answer = await admin.post('/api/user-tokens/revoke', filter);
      expect(answer, JSON.stringify(filter)).toMatchObject({ status: 400, body: { errors: [{ field }] } });
    }
  });
});
