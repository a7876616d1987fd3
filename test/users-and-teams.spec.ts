import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePerson, makeServiceToken, makeServiceUser, makeToken, uniqueName } from './harness/fixtures.ts';
import type { HttpClient } from './harness/http-client.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

let stack: Stack;
let admin: HttpClient;

beforeAll(async () => {
  stack = await Stack.start();
  admin = stack.admin;
});
afterAll(() => stack.stop());

describe('a service user', () => {
  it('answers as documented', async () => {
    const team = uniqueName('Data Engineering');
    await admin.post('/api/teams', { name: team });
    const { status, body } = await admin.post('/api/users', { name: 'API Access', role: 'Editor', teams: [team] });
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.any(Number),
      user_id: 'api_access@service',
      user_name: 'api_access@service',
      email: 'service@example.com',
      name: 'API Access',
      user_type: 'Service',
      role: 'Editor',
      teams: ['Public', team],
      active: true,
      created_at: expect.stringMatching(/Z$/),
      created_by_id: 1,
      has_password: false,
      active_tokens: 0,
    });
  });

  it('is refused when its user_id is taken or would be empty', async () => {
    const name = uniqueName('Twice');
    await makeServiceUser(admin, { name });
    expect(await admin.post('/api/users', { name: name.toUpperCase(), role: 'Member' })).toMatchObject({
      status: 409,
      body: { code: 'user_id_taken', errors: [{ field: 'name' }] },
    });
    expect(await admin.post('/api/users', { name: 'Ω…', role: 'Member' })).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'name' }] },
    });
  });

  it('is refused with an unknown team', async () => {
    const answer = await admin.post('/api/users', { name: uniqueName('s'), role: 'Member', teams: ['Nobody'] });
    expect(answer).toMatchObject({ status: 400, body: { code: 'unknown_team', errors: [{ field: 'teams' }] } });
  });

  it('stands in the short list for a drop-down', async () => {
    const user = await makeServiceUser(admin);
    const { body } = await admin.get('/api/users/listing?type=Service');
    expect(body).toContainEqual({ id: user.id, user_id: user.user_id, name: user.name, user_type: 'Service' });
    expect(body.every((each: { user_type: string }) => each.user_type === 'Service')).toBe(true);
  });
});

describe('a person', () => {
  it('needs an email, and is called by the user name in lower case', async () => {
    expect(await admin.post('/api/users', { name: 'Ada', role: 'Member', user_type: 'User' })).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'email' }] },
    });
    const user = await makePerson(admin, { email: 'Grace.Hopper@example.com' });
    expect(user).toMatchObject({
      user_type: 'User',
      user_name: 'Grace.Hopper@example.com',
      user_id: 'grace.hopper@example.com',
    });
  });

  it('can not take the name of a service user', async () => {
    const body = { name: 'x', role: 'Member', user_type: 'User', email: 'x@example.com', user_name: 'Deploy@Service' };
    expect(await admin.post('/api/users', body)).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'user_name' }] },
    });
  });
});

describe('roles', () => {
  it.each(['Member', 'Editor', 'Manager', 'Admin'] as const)(
    'let a %s do what api.md says and no more',
    async (role) => {
      const client = stack.client(0, (await makeServiceToken(admin, { role })).bearer_token);
      const isAdmin = role === 'Admin';
      const reads = role === 'Manager' || isAdmin ? 200 : 403;
      const target = await makeServiceUser(admin);
      const expectations: [string, Promise<{ status: number }>, number][] = [
        ['GET /users', client.get('/api/users'), reads],
        ['GET /users/:id', client.get(`/api/users/${target.id}`), reads],
        ['GET /users/listing', client.get('/api/users/listing'), isAdmin ? 200 : 403],
        ['GET /users/me', client.get('/api/users/me'), 200],
        ['POST /users', client.post('/api/users', { name: uniqueName('u'), role: 'Member' }), isAdmin ? 201 : 403],
        ['PUT /users/:id', client.put(`/api/users/${target.id}`, { name: 'x' }), isAdmin ? 200 : 403],
        ['GET /teams', client.get('/api/teams'), reads],
        ['POST /teams', client.post('/api/teams', { name: uniqueName('t') }), isAdmin ? 201 : 403],
        ['GET /user-tokens', client.get('/api/user-tokens'), 200],
        ['GET /user-tokens/all', client.get('/api/user-tokens/all'), isAdmin ? 200 : 403],
        [
          'POST /user-tokens',
          client.post('/api/user-tokens', { name: 'n', expires_in_days: 1, user_id: target.id }),
          isAdmin ? 201 : 403,
        ],
      ];
      for (const [what, answer, status] of expectations) expect((await answer).status, what).toBe(status);
    },
  );

  it('take effect at once on tokens that are out', async () => {
    const token = await makeServiceToken(admin, { role: 'Member' });
    const client = stack.client(0, token.bearer_token);
    const write = (): Promise<{ status: number }> =>
      client.post('/api/datastores', { name: uniqueName('store'), type: 's3' });
    expect((await write()).status).toBe(403);
    await admin.put(`/api/users/${token.user.id}`, { role: 'Editor' });
    await waitUntil('an Editor may write', async () => (await write()).status < 300);
    await admin.put(`/api/users/${token.user.id}`, { role: 'Member' });
    await waitUntil('a Member may not', async () => (await write()).status === 403);
  });
});

describe('changing users', () => {
  it('stops the tokens of a deactivated user without changing them, and lets them work again', async () => {
    const token = await makeServiceToken(admin);
    const client = stack.client(0, token.bearer_token);
    await admin.put(`/api/users/${token.user.id}`, { active: false });
    await waitUntil('the gateway refuses it', async () => (await client.get('/api/datastores')).status === 401);
    expect((await stack.direct(0, token.bearer_token).get('/api/users/me')).status).toBe(401);
    expect((await admin.get(`/api/user-tokens/${token.id}`)).body.status).toBe('Active');
    await admin.put(`/api/users/${token.user.id}`, { active: true });
    await waitUntil('the gateway accepts it', async () => (await client.get('/api/datastores')).status === 200);
  });

  it('deletes a user with all of their tokens', async () => {
    const token = await makeServiceToken(admin);
    const second = await makeToken(admin, { user_id: token.user.id });
    expect((await admin.delete(`/api/users/${token.user.id}`)).status).toBe(204);
    expect((await admin.get(`/api/users/${token.user.id}`)).status).toBe(404);
    for (const { id, bearer_token } of [token, second]) {
      expect((await admin.get(`/api/user-tokens/${id}`)).status).toBe(404);
      const client = stack.client(0, bearer_token);
      await waitUntil('the gateway refuses it', async () => (await client.get('/api/datastores')).status === 401);
    }
  });

  it('changes only what it is given, and nothing at all for an unknown field', async () => {
    const user = await makeServiceUser(admin, { role: 'Editor' });
    expect((await admin.put(`/api/users/${user.id}`, { name: 'Renamed' })).body).toEqual({ ...user, name: 'Renamed' });
    const refused = await admin.put(`/api/users/${user.id}`, { role: 'Admin', is_root: true });
    expect(refused).toMatchObject({ status: 400, body: { errors: [{ field: 'is_root' }] } });
    expect((await admin.get(`/api/users/${user.id}`)).body.role).toBe('Editor');
  });
});

describe('the last Admin who can sign in', () => {
  it('can not be demoted, deactivated or deleted', async () => {
    for (const answer of [
      await admin.put('/api/users/1', { role: 'Manager' }),
      await admin.put('/api/users/1', { active: false }),
      await admin.delete('/api/users/1'),
    ]) {
      expect(answer).toMatchObject({ status: 409, body: { code: 'last_admin' } });
    }
    expect((await admin.get('/api/users/me')).body).toMatchObject({ role: 'Admin', active: true });
  });

  it('stays although two requests at once would take each the other away', async () => {
    const second = await makePerson(admin, { role: 'Admin' });
    // Setting passwords comes with signing in; until then the test does it.
    await stack.database.pool.query(`UPDATE users SET password_hash = 'set' WHERE id = $1`, [second.id]);
    const answers = await Promise.all([
      admin.put('/api/users/1', { role: 'Member' }),
      admin.put(`/api/users/${second.id}`, { role: 'Member' }),
    ]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
    const { rows } = await stack.database.pool.query(
      `SELECT count(*) AS admins FROM users WHERE role = 'Admin' AND user_type = 'User' AND active`,
    );
    expect(rows).toEqual([{ admins: 1 }]);
    await stack.database.pool.query(`UPDATE users SET role = 'Admin' WHERE id = 1`);
  });
});

describe('teams', () => {
  it('list Public first, which holds everyone and stays', async () => {
    const { body } = await admin.get('/api/teams');
    expect(body.items[0]).toMatchObject({ name: 'Public' });
    expect(body.items[0].members).toBeGreaterThan(0);
    expect(await admin.delete(`/api/teams/${body.items[0].id}`)).toMatchObject({
      status: 409,
      body: { code: 'public_team' },
    });
  });

  it('refuse a name that is taken, in any case', async () => {
    const name = uniqueName('Finance');
    expect((await admin.post('/api/teams', { name })).status).toBe(201);
    expect(await admin.post('/api/teams', { name: name.toLowerCase() })).toMatchObject({
      status: 409,
      body: { code: 'team_name_taken', errors: [{ field: 'name' }] },
    });
  });

  it('reach the upstream with the request, and leave it when the team is deleted', async () => {
    const name = uniqueName('Ops');
    const { body: team } = await admin.post('/api/teams', { name });
    const { bearer_token, user } = await makeServiceToken(admin, { teams: [name] });
    const client = stack.client(0, bearer_token);
    const teamsSeen = async (): Promise<string> => JSON.stringify((await client.get('/api/datastores')).body.identity);
    expect(decodeURIComponent(await teamsSeen())).toContain(name);
    expect((await admin.get(`/api/teams/${team.id}`)).body).toMatchObject({ name, members: 1 });
    expect((await admin.delete(`/api/teams/${team.id}`)).status).toBe(204);
    await waitUntil('the team is gone', async () => !decodeURIComponent(await teamsSeen()).includes(name));
    expect((await admin.get(`/api/users/${user.id}`)).body.teams).toEqual(['Public']);
  });
});
