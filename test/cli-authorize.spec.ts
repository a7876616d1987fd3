import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { uniqueName } from './harness/fixtures.ts';
import type { Answer, Json } from './harness/http-client.ts';
import { makeSignedIn } from './harness/people.ts';
import { type SessionClient, signIn } from './harness/session-client.ts';
import { Stack } from './harness/stack.ts';

let stack: Stack;
let session: SessionClient;

beforeAll(async () => {
  stack = await Stack.start({ gateways: 2, tokenServices: 2 });
  ({ session } = await makeSignedIn(stack.admin));
});
afterAll(() => stack.stop());

const REDIRECT = 'http://127.0.0.1:53682/callback';
const DAY_MS = 86_400_000;

interface Program {
  verifier: string;
  request: Record<string, unknown>;
}

function program(fields: Record<string, unknown> = {}): Program {
  const verifier = randomBytes(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const request = {
    redirect_uri: REDIRECT,
    state: 'st&te=1 #é',
    hostname: uniqueName('host'),
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...fields,
  };
  return { verifier, request };
}

const decide = (by: SessionClient, request: object, decision = 'approve'): Promise<Answer<Json>> =>
  by.post('/api/cli/authorize', { ...request, decision });

async function approvedCode(by: SessionClient, request: object): Promise<string> {
  const answer = await decide(by, request);
  expect(answer.status, answer.text).toBe(200);
  return new URL(answer.body.redirect_to).searchParams.get('code')!;
}

const redeem = (code: string, verifier: string): Promise<Answer<Json>> =>
  stack.client(1).post('/api/cli/token', { code, code_verifier: verifier });

describe('a program on the own machine', () => {
  it('gets a personal token of 90 days for the code and the verifier, which works', async () => {
    const { verifier, request } = program();
    const preview = await session.get(`/api/cli/authorize?${new URLSearchParams(request as Record<string, string>)}`);
    const name = `CLI on ${request['hostname']}`;
    expect(preview.body).toEqual({ token_name: name, expires_in_days: 90, redirect_origin: 'http://127.0.0.1:53682' });

    const { body } = await decide(session, request);
    const url = new URL(body.redirect_to);
    expect([url.origin + url.pathname, url.searchParams.get('state')]).toEqual([REDIRECT, request['state']]);
    expect([...url.searchParams.keys()].toSorted()).toEqual(['code', 'state']);

    const token = await redeem(url.searchParams.get('code')!, verifier);
    expect(token).toMatchObject({ status: 201, body: { name, type: 'Personal', scim: false } });
    expect(token.headers.get('cache-control')).toBe('no-store');
    const days = (Date.parse(token.body.expiration) - Date.parse(token.body.created_at)) / DAY_MS;
    expect(days).toBe(90);
    expect((await stack.client(0, token.body.bearer_token).get('/api/users/me')).body.token_id).toBe(token.body.id);
  });

  it('gets a name with a number when that is taken, also when several come at once', async () => {
    const { request } = program();
    const programs = Array.from({ length: 4 }, () => program({ hostname: request['hostname'] }));
    const codes = await Promise.all(programs.map((each) => approvedCode(session, each.request)));
    const answers = await Promise.all(codes.map((code, n) => redeem(code, programs[n]!.verifier)));
    const base = `CLI on ${request['hostname']}`;
    expect(answers.map(({ body }) => body.name).toSorted()).toEqual([base, `${base} 2`, `${base} 3`, `${base} 4`]);
  });

  it('is told that the person declined', async () => {
    const { request } = program();
    const { body } = await decide(session, request, 'deny');
    expect(Object.fromEntries(new URL(body.redirect_to).searchParams)).toEqual({
      error: 'access_denied',
      state: request['state'],
    });
  });
});

describe('a code is good', () => {
  const refused = { status: 400, body: { code: 'invalid_grant' } };

  it('for one time', async () => {
    const { verifier, request } = program();
    const code = await approvedCode(session, request);
    const answers = await Promise.all(Array.from({ length: 5 }, () => redeem(code, verifier)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 400, 400, 400, 400]);
  });

  it('with its own verifier, at the first try', async () => {
    const { verifier, request } = program();
    const code = await approvedCode(session, request);
    expect(await redeem(code, program().verifier)).toMatchObject(refused);
    expect(await redeem(code, verifier)).toMatchObject(refused);
    const plain = await approvedCode(session, request);
    expect(await redeem(plain, request['code_challenge'] as string)).toMatchObject(refused);
    expect(await redeem(randomBytes(32).toString('base64url'), verifier)).toMatchObject(refused);
  });

  it('for a minute', async () => {
    const { verifier, request } = program();
    const code = await approvedCode(session, request);
    await stack.database.pool.query(`UPDATE cli_codes SET expires_at = expires_at - interval '1 minute'`);
    expect(await redeem(code, verifier)).toMatchObject(refused);
  });

  it('as long as the session and the user who approved it', async () => {
    const leaves = await makeSignedIn(stack.admin);
    const first = program();
    const left = await approvedCode(leaves.session, first.request);
    await leaves.session.delete('/api/session');
    expect(await redeem(left, first.verifier)).toMatchObject(refused);

    const inactive = await makeSignedIn(stack.admin);
    const second = program();
    const taken = await approvedCode(inactive.session, second.request);
    await stack.admin.put(`/api/users/${inactive.user.id}`, { active: false });
    expect(await redeem(taken, second.verifier)).toMatchObject(refused);
  });

  it('and is stored nowhere, nor is what it is exchanged for', async () => {
    const { verifier, request } = program();
    const code = await approvedCode(session, request);
    const { rows } = await stack.database.pool.query('SELECT string_agg(c::text, chr(10)) AS text FROM cli_codes c');
    expect(rows[0].text).not.toContain(code);
    expect(rows[0].text).not.toContain(Buffer.from(code, 'base64url').toString('hex'));
    const { body } = await redeem(code, verifier);
    for (const secret of [code, verifier, body.bearer_token]) expect(stack.logs()).not.toContain(secret);
  });
});

describe('nobody is sent anywhere else', () => {
  it.each([
    'https://example.com/callback',
    'http://example.com/',
    'http://127.0.0.1.example.com/',
    'http://127.0.0.1@example.com/',
    'http://127.0.0.1:80@example.com/',
    'https://127.0.0.1/callback',
    'javascript:alert(1)',
    '//example.com',
    'http://127.0.0.1/#fragment',
    'http://127.0.0.1\\@example.com/',
    'http://2130706433/',
    'http://127.0.0.1/callback?code=planted',
    '',
    7,
  ])('than to a loopback address: %j', async (redirect_uri) => {
    const { request } = program({ redirect_uri });
    for (const decision of ['approve', 'deny']) {
      const answer = await decide(session, request, decision);
      expect([answer.status, answer.body.errors?.[0]?.field]).toEqual([400, 'redirect_uri']);
      expect(answer.headers.get('location')).toBeNull();
    }
    const query = new URLSearchParams(Object.entries(request).map(([name, value]) => [name, String(value)]));
    expect((await session.get(`/api/cli/authorize?${query}`)).body.errors[0].field).toBe('redirect_uri');
  });

  it.each([
    ['state', ''],
    ['state', 'x'.repeat(513)],
    ['hostname', 'a\nb'],
    ['hostname', 'x'.repeat(101)],
    ['hostname', ' '],
    ['code_challenge', 'short'],
    ['code_challenge', `${'A'.repeat(42)}=`],
    ['code_challenge_method', 'plain'],
    ['decision', 'maybe'],
    ['user_id', 1],
  ])('with a bad %s (%j)', async (field, value) => {
    const { request } = program();
    const answer = await session.post('/api/cli/authorize', { ...request, decision: 'approve', [field]: value });
    expect([answer.status, answer.body.errors?.[0]?.field]).toEqual([400, field]);
  });

  it.each([
    ['code', { code: 'x', code_verifier: 'v'.repeat(43) }],
    ['code_verifier', { code: 'c'.repeat(43), code_verifier: 'short' }],
    ['code_verifier', { code: 'c'.repeat(43), code_verifier: `${'v'.repeat(42)}!` }],
    ['code', {}],
  ])('for a bad %s: %j', async (field, body) => {
    const answer = await stack.client(0).post('/api/cli/token', body);
    expect([answer.status, answer.body.errors?.[0]?.field]).toEqual([400, field]);
  });

  it('unless a person has signed in and their own page asks', async () => {
    const { request } = program();
    const body = { ...request, decision: 'approve' };
    expect((await stack.client(0).post('/api/cli/authorize', body)).status).toBe(401);
    expect((await stack.direct(0, stack.adminToken).post('/api/cli/authorize', body)).body.code).toBe(
      'session_required',
    );
    const form = await fetch(`${session.url}/api/cli/authorize`, {
      method: 'POST',
      headers: { Cookie: session.cookie, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(form.status).toBe(403);
  });
});

describe('the older form, with the token in the redirect', () => {
  it('is refused, and works where PORTCULLIS_CLI_TOKEN_REDIRECT=allow says so', async () => {
    const { request } = program({ code_challenge: undefined, code_challenge_method: undefined });
    for (const decision of ['approve', 'deny']) {
      expect(await decide(session, request, decision)).toMatchObject({
        status: 400,
        body: { code: 'token_redirect_not_allowed', errors: [{ field: 'code_challenge' }] },
      });
    }
    const [service] = stack.tokenServices;
    await service!.restart({ PORTCULLIS_CLI_TOKEN_REDIRECT: 'allow' });
    const admin = await signIn(stack.direct(0), 'admin', stack.adminPassword);
    const { searchParams } = new URL((await decide(admin, request)).body.redirect_to);
    expect([...searchParams.keys()]).toEqual(['token', 'state']);
    expect((await stack.client(1, searchParams.get('token')!).get('/api/datastores')).status).toBe(200);
  });
});
