import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePerson, makeServiceToken, makeServiceUser, makeToken, uniqueName } from './harness/fixtures.ts';
import type { HttpClient } from './harness/http-client.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

const DAY_MS = 86_400_000;

let stack: Stack;
let admin: HttpClient;

beforeAll(async () => {
  stack = await Stack.start();
  admin = stack.admin;
});
afterAll(() => stack.stop());

/** Whether the gateway lets this token through to the guarded API. */
async function opens(token: string): Promise<boolean> {
  const { status } = await stack.client(0, token).get('/api/datastores');
  expect([200, 401]).toContain(status);
  return status === 200;
}

const eventually = (token: string, open: boolean): Promise<unknown> =>
  waitUntil(`the gateway ${open ? 'accepts' : 'refuses'} the token`, async () => (await opens(token)) === open);

async function expireNow(tokenId: number): Promise<void> {
  await stack.database.pool.query(
    `UPDATE tokens SET expires_at = date_trunc('second', now()) - interval '1 second' WHERE id = $1`,
    [tokenId],
  );
}

describe('making a token', () => {
  it('answers as documented, for a service user', async () => {
    const user = await makeServiceUser(admin, { name: uniqueName('API Access'), role: 'Editor' });
    const name = uniqueName('api-production');
    const { status, body, headers } = await admin.post('/api/user-tokens', {
      name,
      user_id: user.id,
      expires_in_days: 365,
      scim: false,
    });
    expect(status).toBe(201);
    expect(headers.get('cache-control')).toContain('no-store');
    expect(body).toEqual({
      id: expect.any(Number),
      name,
      type: 'Service',
      scim: false,
      active: true,
      status: 'Active',
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      created_by_id: 1,
      created_by: { id: 1, user_id: 'admin', name: 'Admin', user_type: 'User' },
      parent_token_id: expect.any(Number),
      expiration: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      last_used: null,
      usage_status: 'Not Used',
      bearer_token: expect.stringMatching(/^eyJ/),
      hint: body.bearer_token.slice(-4),
      user: { id: user.id, user_id: user.user_id, name: user.name, user_type: 'Service' },
    });
    expect(Date.parse(body.expiration) - Date.parse(body.created_at)).toBe(365 * DAY_MS);
  });

  it('shows the claims of architecture.md, and no role', async () => {
    const { bearer_token, id, user } = await makeServiceToken(admin);
    const [header, payload] = bearer_token.split('.').map((part) => Buffer.from(part, 'base64url').toString());
    expect(JSON.parse(header!)).toEqual({ alg: 'EdDSA', typ: 'JWT', kid: expect.any(String) });
    const claims = JSON.parse(payload!);
    expect(Object.keys(claims).toSorted()).toEqual(['exp', 'iat', 'iss', 'jti', 'sub']);
    expect(claims.sub).toBe(String(user.id));
    expect(claims.jti).toMatch(new RegExp(`^${id}\\.[A-Za-z0-9_-]{16}$`));
  });

  it('makes one that never expires for expires_in_days null', async () => {
    const token = await makeToken(admin, { expires_in_days: null });
    expect(token).toMatchObject({ expiration: null, type: 'Personal' });
    expect(JSON.parse(Buffer.from(token.bearer_token.split('.')[1]!, 'base64url').toString())).not.toHaveProperty(
      'exp',
    );
  });

  it('shows bearer_token in that one answer and nowhere else', async () => {
    const { id } = await makeToken(admin);
    for (const path of [`/api/user-tokens/${id}`, '/api/user-tokens', '/api/user-tokens/all']) {
      expect((await admin.get(path)).text).not.toContain('bearer_token');
    }
  });

  it('refuses a name that the user has already, and frees the name of a deleted token', async () => {
    const { id, name } = await makeToken(admin);
    const taken = await admin.post('/api/user-tokens', { name, expires_in_days: 30 });
    expect(taken).toMatchObject({ status: 409, body: { code: 'token_name_taken', errors: [{ field: 'name' }] } });
    await admin.put(`/api/user-tokens/${id}`, { revoke: true });
    await admin.delete(`/api/user-tokens/${id}`);
    expect((await admin.post('/api/user-tokens', { name, expires_in_days: 30 })).status).toBe(201);
  });

  it('refuses a token for a person, a stranger or an inactive service user, naming user_id', async () => {
    const person = await makePerson(admin);
    const inactive = await makeServiceUser(admin);
    await admin.put(`/api/users/${inactive.id}`, { active: false });
    for (const [user_id, status] of [
      [person.id, 400],
      [999_999, 400],
      [inactive.id, 409],
    ]) {
      const answer = await admin.post('/api/user-tokens', { name: uniqueName('t'), expires_in_days: 1, user_id });
      expect(answer).toMatchObject({ status, body: { errors: [{ field: 'user_id' }] } });
    }
  });

  it('lets a service user make one for itself only if it is Admin', async () => {
    const [editor, adminService] = [await makeServiceToken(admin), await makeServiceToken(admin, { role: 'Admin' })];
    const body = { name: 'own', expires_in_days: 1 };
    expect((await stack.client(0, editor.bearer_token).post('/api/user-tokens', body)).status).toBe(403);
    const own = await stack.client(0, adminService.bearer_token).post('/api/user-tokens', body);
    expect(own).toMatchObject({
      status: 201,
      body: { type: 'Service', parent_token_id: adminService.id, user: adminService.user },
    });
  });
});

describe('a token in use', () => {
  it('opens the guarded API, with the identity handed to the upstream', async () => {
    const token = await makeServiceToken(admin, { role: 'Editor' });
    const { status, body } = await stack.client(0, token.bearer_token).get('/api/datastores');
    expect(status).toBe(200);
    expect(JSON.stringify(body.identity)).toContain(token.user.user_id);
    expect(JSON.stringify(body.identity)).toContain(String(token.id));
  });

  it('shows when it was last used', async () => {
    const token = await makeServiceToken(admin);
    expect(await opens(token.bearer_token)).toBe(true);
    const usedAtMs = Date.now();
    const used = await waitUntil('last_used is there', async () => {
      const { body } = await admin.get(`/api/user-tokens/${token.id}`);
      return body.last_used && body;
    });
    expect(used.usage_status).toBe('Last Used');
    expect(Math.abs(Date.parse(used.last_used) - usedAtMs)).toBeLessThan(5_000);
  });

  it('counts a use that reached the token-service directly, too', async () => {
    const token = await makeServiceToken(admin);
    expect((await stack.direct(0, token.bearer_token).get('/api/users/me')).status).toBe(200);
    await waitUntil('last_used is there', async () => (await admin.get(`/api/user-tokens/${token.id}`)).body.last_used);
  });

  it('reads as a Member and writes from Editor on', async () => {
    const member = stack.client(0, (await makeServiceToken(admin, { role: 'Member' })).bearer_token);
    expect((await member.get('/api/datastores')).status).toBe(200);
    const refused = await member.post('/api/datastores', { name: 'x', type: 's3' });
    expect(refused).toMatchObject({ status: 403, body: { code: 'insufficient_scope' } });
    expect(refused.headers.get('www-authenticate')).toContain('insufficient_scope');
  });
});

describe('revoke, restore, delete', () => {
  it('follow the state machine, and the gateway with them', async () => {
    const { id, bearer_token } = await makeServiceToken(admin);
    expect(await opens(bearer_token)).toBe(true);
    expect(await admin.delete(`/api/user-tokens/${id}`)).toMatchObject({ status: 409, body: { code: 'token_active' } });

    const revoked = await admin.put(`/api/user-tokens/${id}`, { revoke: true });
    expect(revoked).toMatchObject({ status: 200, body: { id, status: 'Revoked', active: false, children: 0 } });
    await eventually(bearer_token, false);
    const again = await admin.put(`/api/user-tokens/${id}`, { revoke: true });
    expect(again).toMatchObject({ status: 200, body: { status: 'Revoked', children: 0 } });

    expect(await admin.put(`/api/user-tokens/${id}`, { revoke: false })).toMatchObject({
      status: 200,
      body: { status: 'Active' },
    });
    await eventually(bearer_token, true);

    await admin.put(`/api/user-tokens/${id}`, { revoke: true });
    expect((await admin.delete(`/api/user-tokens/${id}`)).status).toBe(204);
    expect((await admin.get(`/api/user-tokens/${id}`)).status).toBe(404);
    expect((await admin.delete(`/api/user-tokens/${id}`)).status).toBe(404);
    await eventually(bearer_token, false);
    expect((await stack.direct(0, bearer_token).get('/api/users/me')).status).toBe(401);
  });

  it('refuse to touch an expired token, except to delete it', async () => {
    const { id, bearer_token } = await makeServiceToken(admin);
    await expireNow(id);
    expect((await admin.get(`/api/user-tokens/${id}`)).body).toMatchObject({ status: 'Expired', active: false });
    expect(await admin.put(`/api/user-tokens/${id}`, { revoke: true })).toMatchObject({
      status: 409,
      body: { code: 'token_expired' },
    });
    expect(await admin.put(`/api/user-tokens/${id}`, { revoke: false })).toMatchObject({
      status: 409,
      body: { code: 'token_expired' },
    });
    expect((await admin.delete(`/api/user-tokens/${id}`)).status).toBe(204);
    await eventually(bearer_token, false);
  });

  it('keep a revoked token revoked when its time passes, and do not restore it then', async () => {
    const { id } = await makeServiceToken(admin);
    await admin.put(`/api/user-tokens/${id}`, { revoke: true });
    await expireNow(id);
    expect((await admin.get(`/api/user-tokens/${id}`)).body).toMatchObject({ status: 'Revoked' });
    expect(await admin.put(`/api/user-tokens/${id}`, { revoke: false })).toMatchObject({
      status: 409,
      body: { code: 'token_expired' },
    });
    expect(await admin.put(`/api/user-tokens/${id}`, { revoke: true })).toMatchObject({
      status: 200,
      body: { status: 'Revoked' },
    });
  });

  it('take the children along with cascade, and say how many there are without it', async () => {
    const parent = await makeServiceToken(admin, { role: 'Admin' });
    const byParent = stack.client(0, parent.bearer_token);
    const child = await makeToken(byParent);
    const grandchild = await makeToken(stack.client(0, child.bearer_token));

    const alone = await admin.put(`/api/user-tokens/${parent.id}`, { revoke: true });
    expect(alone.body).toMatchObject({ status: 'Revoked', children: 2 });
    expect((await admin.get(`/api/user-tokens/${child.id}`)).body.status).toBe('Active');

    const cascaded = await admin.put(`/api/user-tokens/${parent.id}`, { revoke: true, cascade: true });
    expect(cascaded.body).toMatchObject({ children: 2 });
    for (const { id, bearer_token } of [child, grandchild]) {
      expect((await admin.get(`/api/user-tokens/${id}`)).body.status).toBe('Revoked');
      await eventually(bearer_token, false);
    }
  });

  it('take only those children along that are the caller’s to revoke', async () => {
    const once = await makeServiceToken(admin, { role: 'Admin' });
    const client = stack.client(0, once.bearer_token);
    const own = await makeToken(client);
    const anothers = await makeToken(client, { user_id: (await makeServiceUser(admin)).id });
    await admin.put(`/api/users/${once.user.id}`, { role: 'Member' });
    const answer = await client.put(`/api/user-tokens/${once.id}`, { revoke: true, cascade: true });
    expect(answer).toMatchObject({ status: 200, body: { status: 'Revoked', children: 1 } });
    expect((await admin.get(`/api/user-tokens/${own.id}`)).body.status).toBe('Revoked');
    expect((await admin.get(`/api/user-tokens/${anothers.id}`)).body.status).toBe('Active');
  });

  it('let only an Admin restore what an Admin revoked', async () => {
    const { id, bearer_token, user } = await makeServiceToken(admin, { role: 'Member' });
    const spare = await makeToken(admin, { user_id: user.id });
    const owner = stack.client(0, spare.bearer_token);
    await admin.put(`/api/user-tokens/${id}`, { revoke: true });
    expect(await owner.put(`/api/user-tokens/${id}`, { revoke: false })).toMatchObject({
      status: 403,
      body: { code: 'revoked_by_admin' },
    });

    await admin.put(`/api/user-tokens/${id}`, { revoke: false });
    await owner.put(`/api/user-tokens/${id}`, { revoke: true });
    expect(await owner.put(`/api/user-tokens/${id}`, { revoke: false })).toMatchObject({
      status: 200,
      body: { status: 'Active' },
    });
    await eventually(bearer_token, true);

    await owner.put(`/api/user-tokens/${id}`, { revoke: true });
    expect(await admin.put(`/api/user-tokens/${id}`, { revoke: true })).toMatchObject({
      status: 200,
      body: { status: 'Revoked' },
    });
    expect(await owner.put(`/api/user-tokens/${id}`, { revoke: false })).toMatchObject({
      status: 403,
      body: { code: 'revoked_by_admin' },
    });
    const trail = await admin.get(`/api/audit?target=token/${id}&action=token.revoked`);
    expect(trail.body.total).toBe(4);
  });

  it('look like a token that does not exist to anyone but its owner and an Admin', async () => {
    const { id } = await makeServiceToken(admin);
    const stranger = stack.client(0, (await makeServiceToken(admin, { role: 'Manager' })).bearer_token);
    const missing = await stranger.get('/api/user-tokens/99999999');
    for (const answer of [
      await stranger.get(`/api/user-tokens/${id}`),
      await stranger.put(`/api/user-tokens/${id}`, { revoke: true }),
      await stranger.delete(`/api/user-tokens/${id}`),
    ]) {
      expect(answer.status).toBe(404);
      expect(answer.body).toEqual(missing.body);
    }
  });
});

async function statuses(...requests: Promise<{ status: number }>[]): Promise<number[]> {
  return (await Promise.all(requests)).map(({ status }) => status).toSorted();
}

/** The same request at once through a gateway and at the token-service. */
function twice(path: string, body: object): Promise<number[]> {
  return statuses(admin.post(path, body), stack.direct(0, stack.adminToken).post(path, body));
}

describe('of two requests at once', () => {
  it('one makes a token, a user or a team of a name, and the other is told that it is taken', async () => {
    const token = { name: uniqueName('twin'), expires_in_days: 1 };
    const user = { name: uniqueName('twin'), role: 'Member' };
    const team = { name: uniqueName('twin') };
    expect(await twice('/api/user-tokens', token)).toEqual([201, 409]);
    expect(await twice('/api/users', user)).toEqual([201, 409]);
    expect(await twice('/api/teams', team)).toEqual([201, 409]);
  });

  it('both revoke a token, which happens once, and one deletes it', async () => {
    const { id } = await makeServiceToken(admin);
    const path = `/api/user-tokens/${id}`;
    expect(await statuses(admin.put(path, { revoke: true }), admin.put(path, { revoke: true }))).toEqual([200, 200]);
    expect((await admin.get(`/api/audit?target=token/${id}&action=token.revoked`)).body.total).toBe(1);
    expect(await statuses(admin.delete(path), admin.delete(path))).toEqual([204, 404]);
  });

  it('one makes a token for a user and one deletes that user, and no token is left', async () => {
    for (let round = 0; round < 5; round++) {
      const { id } = await makeServiceUser(admin);
      const [made, deleted] = await Promise.all([
        admin.post('/api/user-tokens', { name: 'late', user_id: id, expires_in_days: 1 }),
        admin.delete(`/api/users/${id}`),
      ]);
      expect(deleted.status).toBe(204);
      expect([201, 400]).toContain(made.status);
      expect((await admin.get(`/api/user-tokens/all?user_id=${id}`)).body.total).toBe(0);
    }
  });
});

describe('lists of tokens', () => {
  it('filter, sort and page', async () => {
    const user = await makeServiceUser(admin);
    const names = ['beta', 'alpha', 'gamma'].map(uniqueName);
    for (const name of names) await makeToken(admin, { user_id: user.id, name });
    const query = `user_id=${user.id}&sort=name&size=2`;
    const first = await admin.get(`/api/user-tokens/all?${query}&page=1`);
    const second = await admin.get(`/api/user-tokens/all?${query}&page=2`);
    expect(first.body).toMatchObject({ total: 3, page: 1, size: 2 });
    const listed = [...first.body.items, ...second.body.items].map((token: { name: string }) => token.name);
    expect(listed).toEqual(names.toSorted());

    const found = await admin.get(`/api/user-tokens/all?q=${encodeURIComponent(names[0]!)}&type=Service&status=Active`);
    expect(found.body.items).toMatchObject([{ name: names[0] }]);
    expect((await admin.get('/api/user-tokens/all?q=%25_%5C')).body.items).toEqual([]);
  });

  it('show one only one’s own tokens, and everyone’s to Admins', async () => {
    const token = await makeServiceToken(admin, { role: 'Manager' });
    const own = stack.client(0, token.bearer_token);
    expect((await own.get('/api/user-tokens')).body.items).toMatchObject([{ id: token.id }]);
    expect((await own.get('/api/user-tokens/all')).status).toBe(403);
    expect((await own.get('/api/user-tokens/service')).status).toBe(403);
    const service = await admin.get('/api/user-tokens/service?size=100');
    expect(new Set(service.body.items.map((item: { type: string }) => item.type))).toEqual(new Set(['Service']));
  });
});

describe('a SCIM administration token', () => {
  it('opens SCIM and nothing else', async () => {
    const user = await makeServiceUser(admin, { role: 'Member' });
    const { bearer_token } = await makeToken(admin, { user_id: user.id, scim: true });
    const scim = stack.client(0, bearer_token);
    for (const path of ['/api/datastores', '/api/users/me', '/api/user-tokens']) {
      expect(await scim.get(path)).toMatchObject({ status: 403, body: { code: 'insufficient_scope' } });
    }
    expect((await stack.direct(0, bearer_token).get('/api/users/me')).status).toBe(403);
    expect([401, 403]).not.toContain((await scim.get('/scim/v2/Users')).status);
  });

  it('is only for Admins to make, and SCIM is closed to other tokens', async () => {
    const manager = stack.client(0, (await makeServiceToken(admin, { role: 'Manager' })).bearer_token);
    expect((await manager.post('/api/user-tokens', { name: 'x', expires_in_days: 1, scim: true })).status).toBe(403);
    expect((await manager.get('/scim/v2/Users')).status).toBe(403);
    expect([401, 403]).not.toContain((await admin.get('/scim/v2/Users')).status);
  });
});
