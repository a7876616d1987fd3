import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeServiceToken, makeToken } from './harness/fixtures.ts';
import type { HttpClient, Json } from './harness/http-client.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

let stack: Stack;
let admin: HttpClient;
beforeAll(async () => {
  stack = await Stack.start({ gateways: 2 });
  admin = stack.admin;
});
afterAll(() => stack.stop());

const kidOf = (token: string): string =>
  (JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()) as { kid: string }).kid;

const statusAt = async (gateway: number, token: string): Promise<number> =>
  (await stack.client(gateway, token).get('/api/datastores')).status;

const keys = async (): Promise<Json[]> => (await admin.get('/api/keys')).body.keys as Json[];

describe('the rotation of the signing key', () => {
  it('signs with the new key when every gateway has it, and old tokens live on', async () => {
    const old = await makeServiceToken(admin);
    const { status, body } = await admin.post('/api/keys/rotate', {});
    expect(status).toBe(200);
    expect(body).toMatchObject({ alg: 'EdDSA', previous_kid: kidOf(old.bearer_token) });
    expect(body.receipt.confirmed).toEqual(['gw-1', 'gw-2']);

    const fresh = await makeToken(admin, { user_id: old.user.id });
    expect(kidOf(fresh.bearer_token)).toBe(body.kid);
    for (const gateway of [0, 1]) {
      expect([await statusAt(gateway, old.bearer_token), await statusAt(gateway, fresh.bearer_token)]).toEqual([
        200, 200,
      ]);
    }
    const [{ items }] = [(await admin.get(`/api/audit?target=key/${body.kid}`)).body];
    expect(items).toMatchObject([
      { action: 'key.rotated', before: { signing: body.previous_kid }, after: { signing: body.kid } },
    ]);
    expect(await keys()).toMatchObject([
      { kid: body.kid, state: 'signing', active_tokens: 1 },
      { kid: body.previous_kid, state: 'verifying' },
    ]);
  });

  it('makes one key when several ask at once', async () => {
    const before = (await keys()).length;
    const rotated = await Promise.all([1, 2, 3].map(() => admin.post('/api/keys/rotate', {})));
    const signing = (await keys()).filter(({ state }) => state === 'signing');
    expect(signing).toHaveLength(1);
    expect(rotated.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await keys()).length - before).toBeLessThanOrEqual(3);
    expect(await statusAt(1, (await makeServiceToken(admin)).bearer_token)).toBe(200);
  });

  it('is for Admins', async () => {
    const manager = stack.client(0, (await makeServiceToken(admin, { role: 'Manager' })).bearer_token);
    const calls = [manager.get('/api/keys'), manager.post('/api/keys/rotate', {})];
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([403, 403]);
  });
});

describe('the retirement of a key', () => {
  it('says beforehand how many tokens it ends, then ends them at every gateway before it answers', async () => {
    const { user, ...first } = await makeServiceToken(admin);
    const second = await makeToken(admin, { user_id: user.id });
    const kid = kidOf(first.bearer_token);
    await admin.post('/api/keys/rotate', {});
    const third = await makeToken(admin, { user_id: user.id });

    const planned = await admin.post(`/api/keys/${kid}/retire`, { dry_run: true });
    const { active_tokens: tokens } = (await keys()).find((key) => key.kid === kid);
    expect(planned.body).toEqual({ kid, tokens_ended: tokens, dry_run: true });
    expect(await statusAt(0, first.bearer_token)).toBe(200);

    const retired = await admin.post(`/api/keys/${kid}/retire`, {});
    expect(retired.body).toMatchObject({ tokens_ended: tokens, receipt: { confirmed: ['gw-1', 'gw-2'] } });
    for (const gateway of [0, 1]) {
      const statuses = [first, second, third].map(({ bearer_token: token }) => statusAt(gateway, token));
      expect(await Promise.all(statuses)).toEqual([401, 401, 200]);
    }
    expect((await stack.direct(0, first.bearer_token).get('/api/users/me')).status).toBe(401);

    const again = await admin.post(`/api/keys/${kid}/retire`, {});
    expect(again.body).toMatchObject({ tokens_ended: 0, receipt: { confirmed: ['gw-1', 'gw-2'] } });
    const statusOf = async (): Promise<string> =>
      (await admin.get(`/api/user-tokens/${second.id}`)).body.status as string;
    await waitUntil('its tokens are shown as revoked', async () => (await statusOf()) === 'Revoked');
    const restored = await admin.put(`/api/user-tokens/${second.id}`, { revoke: false });
    expect([restored.status, restored.body.code]).toEqual([409, 'key_retired']);
    const { rows } = await stack.database.pool.query<{ payload: string }>(
      `SELECT payload FROM outbox WHERE subject = 'portcullis.outbox.token.revoked'`,
    );
    const events = rows
      .map(({ payload }) => JSON.parse(payload) as Json)
      .filter(({ data }) => data.token.id === second.id);
    expect(events.map(({ data }) => data.reason as string)).toEqual(['key_retired']);
  });

  it('is refused for the key that signs, and for one that there is not', async () => {
    const signing = (await keys()).find(({ state }) => state === 'signing');
    const calls = [signing.kid, '0123456789abcdef', 'nonsense'].map((kid) => admin.post(`/api/keys/${kid}/retire`, {}));
    const answers = (await Promise.all(calls)).map(({ status, body }) => [status, body.code]);
    expect(answers).toEqual([
      [409, 'key_signs'],
      [404, 'key_not_found'],
      [400, 'invalid_request'],
    ]);
  });
});
