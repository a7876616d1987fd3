import { CSRF_HEADER } from '@portcullis/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePerson, makeServiceUser, makeToken } from './harness/fixtures.ts';
import { Stack } from './harness/stack.ts';

let stack: Stack;
let userId: number;
let personId: number;
let tokenId: number;

beforeAll(async () => {
  stack = await Stack.start();
  userId = (await makeServiceUser(stack.admin)).id;
  personId = (await makePerson(stack.admin)).id;
  tokenId = (await makeToken(stack.admin, { user_id: userId })).id;
});
afterAll(() => stack.stop());

type Case = [method: string, path: string, body: unknown, field: string];

const TOKEN = { name: 'n', expires_in_days: 1 };
const USER = { name: 'n', role: 'Member' };

const CASES: Case[] = [
  // the body as a whole
  ...['null', '[]', '"text"', '7', 'true'].map((body): Case => ['POST', '/api/user-tokens', body, 'body']),
  ['POST', '/api/user-tokens', undefined, 'body'],
  // a token
  ['POST', '/api/user-tokens', {}, 'name'],
  ...['', '   ', 'x'.repeat(129), 7, null, [], {}, 'a\u0000b', 'a\nb', '\ud800', 'a\u202eb'].map((name): Case => [
    'POST',
    '/api/user-tokens',
    { ...TOKEN, name },
    'name',
  ]),
  ...[0, -1, 3651, 1.5, '30', 1e308, true, [], {}].map((days): Case => [
    'POST',
    '/api/user-tokens',
    { ...TOKEN, expires_in_days: days },
    'expires_in_days',
  ]),
  ['POST', '/api/user-tokens', { name: 'n' }, 'expires_in_days'],
  ...[0, -5, 2 ** 31, 1.5, '1', 'x', [1], null].map((id): Case => [
    'POST',
    '/api/user-tokens',
    { ...TOKEN, user_id: id },
    'user_id',
  ]),
  ...['yes', 1, null].map((scim): Case => ['POST', '/api/user-tokens', { ...TOKEN, scim }, 'scim']),
  ...['role', 'id', 'bearer_token', 'constructor', 'prototype', 'toString'].map((field): Case => [
    'POST',
    '/api/user-tokens',
    { ...TOKEN, [field]: 1 },
    field,
  ]),
  ...['yes', 1, null, undefined].map((revoke): Case => ['PUT', '/api/user-tokens/:token', { revoke }, 'revoke']),
  ['PUT', '/api/user-tokens/:token', { revoke: false, cascade: true }, 'cascade'],
  ['PUT', '/api/user-tokens/:token', { revoke: true, cascade: 'all' }, 'cascade'],
  // a user
  ...['Root', 'admin', '', null, 1, ['Admin']].map((role): Case => ['POST', '/api/users', { ...USER, role }, 'role']),
  ...['Public', [1], [null], ['x'.repeat(200)], Array.from({ length: 101 }, (_, i) => `t${i}`), { 0: 'x' }, null].map(
    (teams): Case => ['POST', '/api/users', { ...USER, teams }, 'teams'],
  ),
  ['POST', '/api/users', { ...USER, user_type: 'Robot' }, 'user_type'],
  ...['x', 'x@', 7, `${'x'.repeat(300)}@example.com`].map((email): Case => [
    'POST',
    '/api/users',
    { ...USER, user_type: 'User', email },
    'email',
  ]),
  ['POST', '/api/users', { ...USER, email: 'n@example.com' }, 'email'],
  ['POST', '/api/users', { ...USER, user_type: 'Service', user_name: 'n' }, 'user_name'],
  ['POST', '/api/users', { ...USER, password_hash: 'x' }, 'password_hash'],
  ['PUT', '/api/users/:user', { active: 'no' }, 'active'],
  ['PUT', '/api/users/:user', { user_id: 'admin' }, 'user_id'],
  ['PUT', '/api/users/:user', { name: '' }, 'name'],
  ['POST', '/api/teams', { name: '\u0007' }, 'name'],
  // passwords and sessions
  ...[undefined, 7, [], '', 'short', 'x'.repeat(257)].map((password): Case => [
    'PUT',
    '/api/users/:person/password',
    { password },
    'password',
  ]),
  ...['', 7, null, 'x'.repeat(257)].map((current_password): Case => [
    'PUT',
    '/api/users/:person/password',
    { password: 'long enough for it', current_password },
    'current_password',
  ]),
  ['PUT', '/api/users/:person/password', { password: 'long enough for it', current_password: 'x' }, 'current_password'],
  ['PUT', '/api/users/x/password', { password: 'long enough for it' }, 'id'],
  ...['', 7, null, 'x'.repeat(255), 'a\u0000b'].map((user_name): Case => [
    'POST',
    '/api/session',
    { user_name, password: 'x' },
    'user_name',
  ]),
  ...['', 7, null, 'x'.repeat(257)].map((password): Case => [
    'POST',
    '/api/session',
    { user_name: 'admin', password },
    'password',
  ]),
  ['POST', '/api/session', { user_name: 'admin', password: 'x', remember: true }, 'remember'],
  // usage
  ...['0', '-1', '1.5', 'x', '2161', ''].map((hours): Case => [
    'GET',
    `/api/user-tokens/:token/usage?hours=${hours}`,
    undefined,
    'hours',
  ]),
  ['GET', '/api/user-tokens/x/usage', undefined, 'id'],
  // pages and filters
  ['GET', '/api/users?sort=password_hash', undefined, 'sort'],
  ['GET', '/api/user-tokens/all?scim=1', undefined, 'scim'],
  ...['0', '-1', '1.5', 'x', '', '1e9'].map((page): Case => [
    'GET',
    `/api/user-tokens?page=${page}`,
    undefined,
    'page',
  ]),
  ...['0', '101', 'all'].map((size): Case => ['GET', `/api/users?size=${size}`, undefined, 'size']),
  ['GET', '/api/user-tokens?page=1&page=2', undefined, 'page'],
  ['GET', '/api/user-tokens?sort=bearer_token', undefined, 'sort'],
  ['GET', '/api/user-tokens/all?status=active', undefined, 'status'],
  ['GET', '/api/user-tokens/all?type=Secret', undefined, 'type'],
  ['GET', '/api/user-tokens/all?user_id=1%20OR%201=1', undefined, 'user_id'],
  ['GET', '/api/user-tokens/all?q=%00', undefined, 'q'],
  ['GET', '/api/user-tokens?verbose=1', undefined, 'verbose'],
  ['GET', '/api/users/listing?type=All', undefined, 'type'],
  // ids
  ...['abc', '0', '-1', '1.0', '1e3', '0x10', '99999999999999999999', '%20', "1'"].map((id): Case => [
    'GET',
    `/api/user-tokens/${id}`,
    undefined,
    'id',
  ]),
  ['GET', '/api/users/2147483648', undefined, 'id'],
  ['DELETE', '/api/teams/x', undefined, 'id'],
];

describe('bad input gets a 400 that names the field, and changes nothing', () => {
  it.each(CASES)('%s %s %j → %s', async (method, path, body, field) => {
    const before = await stack.database.pool.query(
      'SELECT (SELECT count(*) FROM audit) AS changes, seq FROM access_clock',
    );
    const target = path
      .replace(':user', String(userId))
      .replace(':token', String(tokenId))
      .replace(':person', String(personId));
    for (const client of [stack.direct(0, stack.adminToken), stack.admin]) {
      const answer = await client.call(method, target, { body, headers: { [CSRF_HEADER]: '1' } });
      expect(answer.status, answer.text).toBe(400);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(answer.body).toMatchObject({
        type: expect.any(String),
        title: 'Bad Request',
        status: 400,
        code: expect.any(String),
      });
      expect(answer.body.errors.map((error: { field: string }) => error.field)).toContain(field);
    }
    expect(
      (await stack.database.pool.query('SELECT (SELECT count(*) FROM audit) AS changes, seq FROM access_clock')).rows,
    ).toEqual(before.rows);
  });
});

describe('what is no JSON, too large or nowhere', () => {
  it.each(['{', '{"name": ', 'name=x', '\u0000'])('refuses the body %j', async (body) => {
    expect(await stack.admin.post('/api/user-tokens', body)).toMatchObject({
      status: 400,
      body: { code: 'invalid_request' },
    });
  });

  it('refuses a __proto__ in a body', async () => {
    const answer = await stack.admin.post(
      '/api/user-tokens',
      '{"name":"n","expires_in_days":1,"__proto__":{"scim":true}}',
    );
    expect(answer.status).toBe(400);
  });

  it('refuses another content type with 415 and a large body with 413', async () => {
    const form = { body: 'name=x', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } };
    expect((await stack.admin.call('POST', '/api/user-tokens', form)).status).toBe(415);
    expect((await stack.admin.post('/api/user-tokens', { name: 'x'.repeat(300_000) })).status).toBe(413);
  });

  it('answers 404 with a problem document where nothing is', async () => {
    for (const client of [stack.admin, stack.direct(0, stack.adminToken)]) {
      expect(await client.get('/api/users/1/secrets')).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }
    expect(await stack.client(0).get('/nothing/here')).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });

  it('takes a DELETE that says it is JSON and has no body', async () => {
    const { id } = await makeServiceUser(stack.admin);
    expect(
      (await stack.admin.delete(`/api/users/${id}`, { headers: { 'Content-Type': 'application/json' } })).status,
    ).toBe(204);
  });
});
