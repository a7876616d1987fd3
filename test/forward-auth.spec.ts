import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeServiceToken } from './harness/fixtures.ts';
import { HttpClient } from './harness/http-client.ts';
import { type Nginx, startNginx } from './harness/nginx.ts';
import { Stack } from './harness/stack.ts';

const ROUTES = `routes:
  - { prefix: /things, upstreams: ['http://127.0.0.1:1'] }
  - { prefix: /things/secret, upstreams: ['http://127.0.0.1:1'], roles: { read: Admin, write: Admin } }`;

let stack: Stack;
let nginx: Nginx;
let api: Server;
let member: string;
let editor: { id: number; bearer_token: string };
beforeAll(async () => {
  stack = await Stack.start({ routes: ROUTES, gatewayEnv: { PORTCULLIS_FORWARD_AUTH: 'nginx' } });
  api = createServer((request, response) => {
    const { method, url, headers } = request;
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ method, url, headers }));
  });
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
  nginx = await startNginx(documentedServer());
  const admin = stack.direct(0, stack.adminToken);
  member = (await makeServiceToken(admin, { role: 'Member' })).bearer_token;
  editor = await makeServiceToken(admin, { role: 'Editor' });
});
afterAll(async () => {
  await nginx?.stop();
  api?.closeAllConnections();
  api?.close();
  await stack?.stop();
});

/** What docs/forward-auth.md tells people to write, with the addresses of this test. */
function documentedServer(): string {
  const document = readFileSync(join(import.meta.dirname, '../docs/forward-auth.md'), 'utf8');
  const block = /```nginx\n([\s\S]*?)```/.exec(document)?.[1] ?? '';
  const { port } = api.address() as AddressInfo;
  return block
    .replace('http://gateway.internal:8080', stack.gateways[0]!.url)
    .replace('http://api.internal:4001', `http://127.0.0.1:${port}`);
}

const through = (token?: string): HttpClient => new HttpClient(nginx.url, token);

describe('behind a real nginx, as documented', () => {
  it('a request that is allowed reaches the API with its caller’s identity, and with nothing that the client made up', async () => {
    const headers = { 'X-Auth-Role': 'Admin', 'X-Auth-User-Id': '1' };
    const answer = await through(editor.bearer_token).post('/things/a?b=c', { name: 'x' }, { headers });
    expect(answer).toMatchObject({ status: 200, body: { method: 'POST', url: '/things/a?b=c' } });
    expect(answer.body.headers).toMatchObject({ 'x-auth-role': 'Editor', 'x-auth-token-id': String(editor.id) });
    expect(answer.body.headers['x-auth-user-id']).not.toBe('1');
    expect(answer.body.headers).not.toHaveProperty('authorization');
  });

  it('a request is refused by role, path and token, with the challenge', async () => {
    const missing = await through().get('/things');
    expect(missing.status).toBe(401);
    expect(missing.headers.get('www-authenticate')).toBe('Bearer realm="portcullis"');
    expect((await through(member).get('/things')).status).toBe(200);
    expect((await through(member).post('/things', {})).status).toBe(403);
    expect((await through(editor.bearer_token).get('/things/secret')).status).toBe(403);
    expect((await through(editor.bearer_token).get('/things/%2e%2e/things/secret')).status).toBe(403);
    expect((await through(editor.bearer_token).get('/nowhere')).status).toBe(403);
    expect((await through(editor.bearer_token).get('/portcullis-verify')).status).toBe(404);
  });

  it.each([
    [{ 'X-Forwarded-Method': 'GET' }],
    [{ 'X-Forwarded-Method': 'GET', 'X-Forwarded-Uri': '/things' }],
    [{ 'X-Original-Method': 'GET' }],
    [{ 'X-Original-Method': 'GET', 'X-Original-URI': '/things' }],
    [{ X_Original_Method: 'GET', X_Original_URI: '/things' }],
    [{ 'X-Original-URL': '/things', 'X-Rewrite-URL': '/things' }],
    [{ 'X-HTTP-Method-Override': 'GET' }],
  ])('a client gains nothing by saying what it asks for itself: %o', async (headers) => {
    expect((await through(member).post('/things', {}, { headers })).status).toBe(403);
    expect((await through(member).get('/things/secret', { headers })).status).toBe(403);
    expect((await through(member).delete('/things/a', { headers })).status).toBe(403);
  });

  it('a client can’t have a method overridden that was decided on', async () => {
    const headers = { 'X-HTTP-Method-Override': 'DELETE' };
    expect((await through(member).get('/things', { headers })).status).toBe(403);
  });

  it('a token is dead once its revocation has returned', async () => {
    const admin = stack.direct(0, stack.adminToken);
    const { id, bearer_token } = await makeServiceToken(admin);
    expect((await through(bearer_token).get('/things')).status).toBe(200);
    expect((await admin.put(`/api/user-tokens/${id}`, { revoke: true })).status).toBe(200);
    const refused = await through(bearer_token).get('/things');
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toContain('invalid_token');
  });
});
