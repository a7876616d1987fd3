import { CSRF_HEADER, UNATTENDED_HEADER } from '@portcullis/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePerson, makeServiceUser, makeToken, uniqueName } from './harness/fixtures.ts';
import { makePersonWithPassword, makeSignedIn } from './harness/people.ts';
import { makeScimUser, ScimClient, scimToken } from './harness/scim.ts';
import { cookieOf, SessionClient, signIn, trySignIn } from './harness/session-client.ts';
import { Stack } from './harness/stack.ts';

let stack: Stack;
let adminSession: SessionClient;

beforeAll(async () => {
  stack = await Stack.start({ gateways: 2, tokenServices: 2 });
  adminSession = await signIn(stack.client(0), 'admin', stack.adminPassword);
});
afterAll(() => stack.stop());

const anyone = () => stack.client(0);

async function expectEnded(session: SessionClient): Promise<void> {
  for (const client of [stack.client(0), stack.client(1), stack.direct(1)]) {
    expect(await session.at(client).get('/api/users/me')).toMatchObject({
      status: 401,
      body: { code: 'session_ended' },
    });
  }
}

describe('signing in', () => {
  it('gives a session that is its user, with role and teams, through every gateway and token-service', async () => {
    const { user, session } = await makeSignedIn(stack.admin, { role: 'Manager' });
    for (const client of [stack.client(0), stack.client(1), stack.direct(0), stack.direct(1)]) {
      const me = await session.at(client).get('/api/users/me');
      expect(me).toMatchObject({
        status: 200,
        body: { id: user.id, role: 'Manager', teams: ['Public'], token_id: null },
      });
      expect((await session.at(client).get('/api/session')).body).toMatchObject({
        user: { id: user.id },
        idle_seconds: 1_800,
      });
    }
    expect((await session.get('/api/users')).status).toBe(200);
    expect((await session.post('/api/users', { name: 'x', role: 'Member' })).status).toBe(403);
  });

  it('sets a cookie that no script reads and no other site sends', async () => {
    const answer = await trySignIn(anyone(), 'Admin', stack.adminPassword);
    expect(answer.headers.getSetCookie()).toEqual([
      expect.stringMatching(/^portcullis_session=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/),
    ]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('has one answer for a wrong password, an unknown user, a service user, and those who may not sign in', async () => {
    const service = await makeServiceUser(stack.admin);
    const idpOnly = await makePerson(stack.admin);
    const { user: inactive, password } = await makePersonWithPassword(stack.admin);
    await stack.admin.put(`/api/users/${inactive.id}`, { active: false });
    const answers = [
      await trySignIn(anyone(), 'admin', 'wrong'),
      await trySignIn(anyone(), 'nobody', stack.adminPassword),
      await trySignIn(anyone(), service.user_id, 'wrong'),
      await trySignIn(anyone(), idpOnly.user_name, 'wrong'),
      await trySignIn(anyone(), inactive.user_name, password),
    ];
    for (const { status, body, headers } of answers) {
      expect([status, body]).toEqual([401, answers[0]!.body]);
      expect(headers.getSetCookie()).toEqual([]);
    }
    expect(answers[0]!.body.code).toBe('invalid_credentials');
  });

  it('ends the session that the browser had before', async () => {
    const { user, password, session } = await makeSignedIn(stack.admin);
    const again = await trySignIn(anyone(), user.user_name, password, { Cookie: session.cookie });
    expect(again.status).toBe(200);
    expect((await session.get('/api/session')).status).toBe(401);
    expect((await new SessionClient(session.url, cookieOf(again)).get('/api/session')).status).toBe(200);
  });

  it('stores neither the secret of the cookie nor the password', async () => {
    const { session, password } = await makeSignedIn(stack.admin);
    const secret = session.cookie.split('=')[1]!;
    const { rows } = await stack.database.pool.query(
      `SELECT string_agg(s::text, ' ') || (SELECT string_agg(u::text, ' ') FROM users u)
         || (SELECT string_agg(a::text, ' ') FROM audit a) AS text FROM sessions s`,
    );
    for (const text of [rows[0].text, stack.logs()]) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(Buffer.from(secret, 'base64url').toString('hex'));
      expect(text).not.toContain(password);
    }
  });
});

describe('a session ends everywhere at once', () => {
  it('by signing out', async () => {
    const { session } = await makeSignedIn(stack.admin);
    const answer = await session.delete('/api/session');
    expect([answer.status, answer.headers.getSetCookie()[0]]).toEqual([204, expect.stringContaining('Max-Age=0')]);
    await expectEnded(session);
    expect((await session.delete('/api/session')).status).toBe(204);
  });

  it('when its user is deactivated, and stays ended when they are active again', async () => {
    const { user, session } = await makeSignedIn(stack.admin);
    expect((await stack.admin.put(`/api/users/${user.id}`, { active: false })).status).toBe(200);
    await expectEnded(session);
    await stack.admin.put(`/api/users/${user.id}`, { active: true });
    await expectEnded(session);
  });

  it('when its user is deleted', async () => {
    const { user, session } = await makeSignedIn(stack.admin);
    expect((await stack.admin.delete(`/api/users/${user.id}`)).status).toBe(204);
    await expectEnded(session);
  });

  it('when an identity provider deactivates its user, or deletes them', async () => {
    const scim = new ScimClient(stack.client(0, await scimToken(stack.admin)));
    const password = 'a password to begin with';
    const inactive = [{ op: 'replace', path: 'active', value: false }];
    for (const end of [
      (id: string) => scim.patch(`/Users/${id}`, inactive),
      (id: string) => scim.delete(`/Users/${id}`),
    ]) {
      const { id, userName } = await makeScimUser(scim);
      expect((await stack.admin.put(`/api/users/${id}/password`, { password })).status).toBe(204);
      const session = await signIn(anyone(), userName, password);
      expect((await session.get('/api/users/me')).status).toBe(200);
      expect((await end(id)).status).toBeLessThan(300);
      await expectEnded(session);
    }
  });

  it('when an Admin sets another password, or takes it away', async () => {
    for (const password of ['a new password for you', null]) {
      const { user, session } = await makeSignedIn(stack.admin);
      expect((await stack.admin.put(`/api/users/${user.id}/password`, { password })).status).toBe(204);
      await expectEnded(session);
    }
  });

  it('after so long without a request, and after so long at all', async () => {
    for (const change of [`last_seen_at = now() - interval '31 minutes'`, `expires_at = now()`]) {
      const { user, session } = await makeSignedIn(stack.admin);
      const { rowCount } = await stack.database.pool.query(`UPDATE sessions SET ${change} WHERE user_id = $1`, [
        user.id,
      ]);
      expect(rowCount).toBe(1);
      await expectEnded(session);
    }
  });

  it('but not while it is used, which is not what a page does by itself while nobody is at it', async () => {
    const { user, session } = await makeSignedIn(stack.admin);
    const { pool } = stack.database;
    await pool.query(`UPDATE sessions SET last_seen_at = now() - interval '29 minutes' WHERE user_id = $1`, [user.id]);
    for (const [headers, fresh] of [
      [{ [UNATTENDED_HEADER]: '1' }, false],
      [{}, true],
    ] as const) {
      expect((await session.get('/api/users/me', { headers })).status).toBe(200);
      const { rows } = await pool.query(
        `SELECT last_seen_at > now() - interval '1 minute' AS fresh FROM sessions WHERE user_id = $1`,
        [user.id],
      );
      expect(rows).toEqual([{ fresh }]);
    }
  });
});

describe('a role is that of this moment', () => {
  it('also in a session that is older', async () => {
    const { user, session } = await makeSignedIn(stack.admin, { role: 'Admin' });
    expect((await session.get('/api/user-tokens/all')).status).toBe(200);
    await stack.admin.put(`/api/users/${user.id}`, { role: 'Member' });
    expect((await session.get('/api/user-tokens/all')).status).toBe(403);
  });
});

describe('a session is for pages of this origin', () => {
  it('changes nothing without the header that no form can send', async () => {
    const without = { method: 'POST', headers: { Cookie: adminSession.cookie, 'Content-Type': 'application/json' } };
    const body = JSON.stringify({ name: uniqueName('csrf'), expires_in_days: 1 });
    for (const { url } of [stack.client(0), stack.direct(0)]) {
      const answer = await fetch(`${url}/api/user-tokens`, { ...without, body });
      expect([answer.status, await answer.json()]).toEqual([
        403,
        expect.objectContaining({ code: 'csrf_header_required' }),
      ]);
    }
  });

  it.each([
    ['cross-site', 'GET', 403],
    ['same-site', 'GET', 403],
    ['none', 'GET', 200],
    ['same-origin', 'GET', 200],
    ['cross-site', 'POST', 403],
    ['same-site', 'POST', 403],
    ['none', 'POST', 403],
    ['same-origin', 'POST', 201],
  ])('believes a browser that says %s of a %s: %i', async (site, method, status) => {
    const body = method === 'POST' ? { name: uniqueName('site'), expires_in_days: 1 } : undefined;
    const answer = await adminSession.call(method, '/api/user-tokens', { body, headers: { 'Sec-Fetch-Site': site } });
    expect(answer.status, answer.text).toBe(status);
  });

  it('is neither begun nor ended by another one', async () => {
    const body = { user_name: 'admin', password: stack.adminPassword };
    expect((await anyone().post('/api/session', body)).status).toBe(403);
    const foreign = { [CSRF_HEADER]: '1', 'Sec-Fetch-Site': 'cross-site' };
    expect((await trySignIn(anyone(), 'admin', stack.adminPassword, foreign)).status).toBe(403);
    expect(
      (await fetch(`${anyone().url}/api/session`, { method: 'DELETE', headers: { Cookie: adminSession.cookie } }))
        .status,
    ).toBe(403);
    expect((await adminSession.get('/api/session')).status).toBe(200);
  });

  it('gives no preflight leave to come from elsewhere', async () => {
    const headers = {
      Origin: 'https://evil.example',
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': CSRF_HEADER,
    };
    const answer = await fetch(`${anyone().url}/api/user-tokens`, { method: 'OPTIONS', headers });
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    expect(answer.ok).toBe(false);
  });
});

describe('where a session is good', () => {
  it('opens no guarded API', async () => {
    expect(await adminSession.get('/api/datastores')).toMatchObject({ status: 401, body: { code: 'missing_token' } });
  });

  it('opens no SCIM, through a gateway or directly', async () => {
    const [first, direct] = [stack.client(0), stack.direct(0)];
    expect((await adminSession.at(first).get('/scim/v2/Users')).status).toBe(401);
    expect((await adminSession.at(direct).get('/scim/v2/Users')).status).toBe(401);
  });

  it('counts for nothing beside a bearer token', async () => {
    const token = await makeToken(stack.admin, { user_id: (await makeServiceUser(stack.admin)).id });
    const me = await adminSession.get('/api/users/me', { token: token.bearer_token });
    expect(me.body).toMatchObject({ id: token.user.id, token_id: token.id });
    expect((await adminSession.get('/api/users/me', { token: 'nonsense' })).status).toBe(401);
  });

  it.each([
    '',
    'portcullis_session=',
    'portcullis_session=x',
    `portcullis_session=${'A'.repeat(43)}`,
    `__Host-portcullis_session=${'A'.repeat(43)}`,
  ])('is not the cookie %j', async (cookie) => {
    expect((await new SessionClient(anyone().url, cookie).get('/api/users/me')).status).toBe(401);
    expect((await new SessionClient(anyone().url, cookie).get('/api/session')).status).toBe(401);
  });

  it('is not one of two cookies', async () => {
    const twice = `${adminSession.cookie}; portcullis_session=${'A'.repeat(43)}`;
    expect((await new SessionClient(anyone().url, twice).get('/api/session')).status).toBe(401);
  });

  it('makes personal tokens, which a bearer token of a Member may not', async () => {
    const { session } = await makeSignedIn(stack.admin);
    const made = await session.post('/api/user-tokens', { name: 'mine', expires_in_days: 30 });
    expect(made).toMatchObject({ status: 201, body: { type: 'Personal', parent_token_id: null } });
    const { bearer_token: token } = made.body;
    const further = await anyone().post('/api/user-tokens', { name: 'further', expires_in_days: 30 }, { token });
    expect(further).toMatchObject({ status: 403, body: { code: 'session_required' } });
    expect(further.headers.get('www-authenticate')).toMatch(/^Bearer .*error="insufficient_scope"/);
    expect((await anyone().get('/api/session', { token })).status).toBe(401);
  });
});

describe('a password', () => {
  it('is changed with the old one, and the other sessions end', async () => {
    const { user, password, session } = await makeSignedIn(stack.admin);
    const other = await signIn(anyone(), user.user_name, password);
    const next = 'correct horse battery';
    const path = `/api/users/${user.id}/password`;
    expect(await session.put(path, { password: next, current_password: 'wrong' })).toMatchObject({
      status: 400,
      body: { code: 'wrong_password', errors: [{ field: 'current_password' }] },
    });
    expect((await session.put(path, { password: next, current_password: password })).status).toBe(204);
    expect((await session.get('/api/session')).status).toBe(200);
    expect((await other.get('/api/session')).status).toBe(401);
    expect((await trySignIn(anyone(), user.user_name, password)).status).toBe(401);
    await signIn(anyone(), user.user_name, next);
  });

  it('is the same however its accents were typed', async () => {
    const { user } = await makePersonWithPassword(stack.admin);
    await stack.admin.put(`/api/users/${user.id}/password`, { password: 'caf\u00e9 au lait s.v.p.' });
    expect((await trySignIn(anyone(), user.user_name, 'cafe\u0301 au lait s.v.p.')).status).toBe(200);
  });

  it.each([
    ['no old one', { password: 'long enough for it' }, 400, 'current_password'],
    ['a short one', { password: 'short', current_password: 'x' }, 400, 'password'],
    ['a long one', { password: 'x'.repeat(257), current_password: 'x' }, 400, 'password'],
    ['none for oneself', { password: null, current_password: 'x' }, 400, 'password'],
    ['nothing', {}, 400, 'password'],
    ['a number', { password: 123456789012, current_password: 'x' }, 400, 'password'],
    ['an unknown field', { password: 'long enough for it', current_password: 'x', id: 1 }, 400, 'id'],
  ])('is not changed with %s', async (_, body, status, field) => {
    const { user, session } = await makeSignedIn(stack.admin);
    const answer = await session.put(`/api/users/${user.id}/password`, body);
    expect([answer.status, answer.body.errors[0].field]).toEqual([status, field]);
  });

  it("of another person is an Admin's to set, and a service user has none", async () => {
    const { session } = await makeSignedIn(stack.admin, { role: 'Manager' });
    const other = await makePerson(stack.admin);
    expect(other.has_password).toBe(false);
    const body = { password: 'long enough for it' };
    expect((await session.put(`/api/users/${other.id}/password`, body)).status).toBe(403);
    expect((await adminSession.put(`/api/users/${other.id}/password`, body)).status).toBe(204);
    expect((await adminSession.get(`/api/users/${other.id}`)).body.has_password).toBe(true);
    const withCurrent = { ...body, current_password: 'x' };
    expect((await adminSession.put(`/api/users/${other.id}/password`, withCurrent)).body.errors[0].field).toBe(
      'current_password',
    );
    const service = await makeServiceUser(stack.admin);
    expect((await adminSession.put(`/api/users/${service.id}/password`, body)).body.code).toBe('service_user');
    expect((await adminSession.put('/api/users/2147483647/password', body)).status).toBe(404);
  });

  it('of the last Admin who can sign in stays, also when two Admins take it from each other at once', async () => {
    const { body: me } = await adminSession.get('/api/users/me');
    expect(await adminsWhoCanSignIn()).toBe(1);
    expect((await stack.admin.put(`/api/users/${me.id}/password`, { password: null })).status).toBe(400); // one's own
    const second = await makeSignedIn(stack.admin, { role: 'Admin' });
    const taken = await Promise.all([
      second.session.put(`/api/users/${me.id}/password`, { password: null }),
      adminSession.put(`/api/users/${second.user.id}/password`, { password: null }),
    ]);
    // The loser is refused: as the last one's taker, or since its session ended with its own password.
    expect(taken.filter(({ status }) => status === 204)).toHaveLength(1);
    expect(taken.find(({ status }) => status !== 204)!.body.code).toMatch(/^(last_admin|session_ended)$/);
    expect(await adminsWhoCanSignIn()).toBe(1);
  });
});

async function adminsWhoCanSignIn(): Promise<number> {
  const { rows } = await stack.database.pool.query(
    `SELECT FROM users WHERE role = 'Admin' AND active AND password_hash IS NOT NULL`,
  );
  return rows.length;
}
