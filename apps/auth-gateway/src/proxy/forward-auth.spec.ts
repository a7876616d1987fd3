import { Problem } from '@portcullis/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { type ForwardAuthProxy } from './original-request.js';
import { type Answer, send, type Sent, Started, type TestGateway } from './testing/gateway-harness.js';

const started = new Started();
afterEach(() => started.stop());

const ROUTES = `routes:
  - { prefix: /a, upstreams: ['http://127.0.0.1:1'] }
  - { prefix: /a/admin, upstreams: ['http://127.0.0.1:1'], roles: { read: Admin, write: Admin } }`;

const gatewayFor = (forwardAuth: ForwardAuthProxy | undefined): Promise<TestGateway> =>
  started.gateway(ROUTES, { forwardAuth, trustedProxies: ['127.0.0.1'] });

function ask({ port }: TestGateway, method: string, uri: string, token?: string, headers = {}): Promise<Answer> {
  const told = { 'X-Original-Method': method, 'X-Original-URI': uri, ...headers };
  return send(port, '/verify', { headers: told, ...(token === undefined ? {} : { token }) } satisfies Sent);
}

describe('/verify', () => {
  it('is 404 unless it is switched on', async () => {
    const gateway = await gatewayFor(undefined);
    expect((await ask(gateway, 'GET', '/a', 'editor')).status).toBe(404);
    expect((await send(gateway.port, '/verify/a', { token: 'editor' })).status).toBe(404);
  });

  it('answers 200 with the identity headers and counts a use of the token', async () => {
    const gateway = await gatewayFor('nginx');
    const answer = await ask(gateway, 'POST', '/a/x?y', 'editor', {
      'X-Request-Id': 'from-nginx',
      'X-Forwarded-For': '192.0.2.7',
      'X-Auth-Role': 'Admin',
    });
    expect(answer).toMatchObject({ status: 200, body: '' });
    expect(answer.headers).toMatchObject({
      'x-auth-user-id': '7',
      'x-auth-user': 'eve@example.com',
      'x-auth-role': 'Editor',
      'x-auth-teams': 'Public,Data Engineering',
      'x-auth-token-id': '456',
      'x-request-id': 'from-nginx',
      'cache-control': 'no-store',
    });
    expect(gateway.usage).toEqual([[456, '192.0.2.7']]);
  });

  it.each([
    ['no token', 'GET', '/a', undefined, 401, 'missing_token'],
    ['a bad token', 'GET', '/a', 'junk', 401, 'missing_token'],
    ['too small a role for the method', 'POST', '/a', 'member', 403, 'insufficient_scope'],
    ['too small a role for the path', 'GET', '/a/admin/x', 'editor', 403, 'insufficient_scope'],
    ['a path that hides its route', 'GET', '/a/%61dmin', 'editor', 403, 'insufficient_scope'],
    ['an ambiguous path', 'GET', '/a/b/..%2fadmin', 'admin', 403, 'invalid_request_target'],
    ['dots', 'GET', '/a/../b', 'admin', 403, 'invalid_request_target'],
    ['a path without a route', 'GET', '/b', 'admin', 403, 'not_found'],
    ['Portcullis’s own path', 'GET', '/api/users', 'admin', 403, 'not_a_route'],
    ['itself', 'GET', '/verify', 'admin', 403, 'not_found'],
    ['a SCIM token', 'GET', '/a', 'scim', 403, 'insufficient_scope'],
  ])('refuses %s with a challenge', async (_name, method, uri, token, status, code) => {
    const gateway = await gatewayFor('nginx');
    const answer = await ask(gateway, method, uri, token);
    expect({ status: answer.status, ...JSON.parse(answer.body) }).toMatchObject({ status, code });
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer realm="portcullis"/);
    expect(gateway.usage).toEqual([]);
  });

  it('notes for the audit trail whose token is refused, as the gateway does for its own requests', async () => {
    const gateway = await gatewayFor('nginx');
    const revoked = new Problem(401, 'invalid_token', 'The token has been revoked');
    gateway.gate.callers.set('revoked', revoked);
    const headers = { 'X-Forwarded-For': '192.0.2.7', 'X-Request-Id': 'r1' };
    expect((await ask(gateway, 'GET', '/a/b', 'revoked', headers)).status).toBe(401);
    expect((await send(gateway.port, '/a/b', { token: 'revoked', headers })).status).toBe(401);
    const noted = {
      problem: revoked,
      authorization: 'Bearer revoked',
      address: '192.0.2.7',
      route: '/a',
      requestId: 'r1',
    };
    expect(gateway.refused).toEqual([noted, noted]);
  });

  it('asks for the write role for a WebSocket', async () => {
    const gateway = await gatewayFor('nginx');
    const key = { 'Sec-WebSocket-Key': 'x' };
    expect((await ask(gateway, 'GET', '/a', 'member', key)).status).toBe(403);
    expect((await ask(gateway, 'GET', '/a', 'editor', key)).status).toBe(200);
  });

  it('takes Envoy’s word from the request itself, with any method', async () => {
    const { port } = await gatewayFor('envoy');
    expect((await send(port, '/verify/a', { method: 'GET', token: 'member' })).status).toBe(200);
    expect((await send(port, '/verify/a', { method: 'DELETE', token: 'member' })).status).toBe(403);
    expect((await send(port, '/verify/a/admin', { method: 'POST', token: 'editor', body: 'x' })).status).toBe(403);
    expect((await send(port, '/verify/a', { method: 'POST', token: 'editor', body: 'x'.repeat(100) })).status).toBe(
      200,
    );
    expect((await send(port, '/verify/a//b', { token: 'admin' })).status).toBe(403);
  });
});
