import { afterEach, describe, expect, it, vi } from 'vitest';
import { echo, echoed, RawClient, send, Started, type TestGateway } from './testing/gateway-harness.js';

const started = new Started();
afterEach(() => started.stop());

/** A gateway with one guarded API, at /api/data, that echoes. */
async function guarded(extra = '', options: Parameters<Started['gateway']>[1] = {}): Promise<TestGateway> {
  const upstream = await started.upstream(echo);
  return started.gateway(
    `routes: [{prefix: /api/data, upstreams: ['http://127.0.0.1:${upstream}'] ${extra}}]`,
    options,
  );
}

describe('a request to a guarded API', () => {
  it('reaches the upstream with the caller’s identity, its request id and where it came from', async () => {
    const { port, usage } = await guarded();
    const answer = await send(port, '/api/data/1?x=%2F', {
      token: 'editor',
      headers: { 'X-Request-Id': 'mine', 'X-Auth-Role': 'Admin', X_Auth_Role: 'Admin', 'X-Forwarded-For': '6.6.6.6' },
    });
    const { headers, url } = echoed(answer);
    expect(url).toBe('/api/data/1?x=%2F');
    expect(headers).toMatchObject({
      'x-auth-user-id': '7',
      'x-auth-user': 'eve@example.com',
      'x-auth-user-type': 'User',
      'x-auth-role': 'Editor',
      'x-auth-teams': 'Public,Data Engineering',
      'x-auth-token-id': '456',
      'x-request-id': 'mine',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': `127.0.0.1:${port}`,
    });
    expect(headers).not.toHaveProperty('authorization');
    expect(headers).not.toHaveProperty('x_auth_role');
    expect(answer.headers['x-request-id']).toBe('mine');
    expect(usage).toEqual([[456, '127.0.0.1']]);
  });

  it('keeps its identity headers when the client names them in Connection', async () => {
    const { port } = await guarded();
    const client = new RawClient(
      port,
      'GET /api/data HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer editor\r\nX-Mine: 1\r\n' +
        'Connection: close, X-Auth-Role, X-Auth-User-Id, X-Request-Id, X-Forwarded-For, X-Mine\r\n\r\n',
    );
    const received = await client.toEnd();
    expect(received).toContain('"x-auth-role":"Editor"');
    expect(received).toContain('"x-forwarded-for":"127.0.0.1"');
    expect(received).not.toContain('x-mine');
  });

  it('is 401 with a challenge without a token, and is not counted as a use', async () => {
    const { port, usage } = await guarded();
    const answer = await send(port, '/api/data');
    expect(answer.status).toBe(401);
    expect(answer.headers).toMatchObject({
      'www-authenticate': expect.stringContaining('Bearer'),
      'content-type': 'application/problem+json',
      'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(JSON.parse(answer.body)).toMatchObject({ status: 401, code: 'missing_token' });
    expect(usage).toEqual([]);
  });

  it.each([
    ['member', 'GET', {}, 200],
    ['member', 'HEAD', {}, 200],
    ['member', 'OPTIONS', {}, 200],
    ['member', 'POST', {}, 403],
    ['member', 'PROPFIND', {}, 403],
    ['member', 'GET', { Upgrade: 'websocket', Connection: 'Upgrade' }, 403],
    ['editor', 'GET', { Upgrade: 'websocket', Connection: 'Upgrade' }, 200],
    ['editor', 'POST', {}, 200],
    ['scim', 'GET', {}, 403],
  ])('with the token of %s and %s %j is answered by role', async (token, method, headers, status) => {
    const { port } = await guarded();
    const answer = await send(port, '/api/data', { token, method, headers });
    expect(answer.status).toBe(status);
    expect(answer.headers['www-authenticate']?.includes('insufficient_scope') ?? false).toBe(status === 403);
  });

  it('is refused before anything is decided when its path is ambiguous', async () => {
    const { port, usage } = await guarded();
    for (const path of [
      '/api/data/../users',
      '/api/data/%2e%2e/users',
      '/api//data',
      '/api/data%2f1',
      '/api/data;v=1',
    ]) {
      expect(await send(port, path, { token: 'admin' })).toMatchObject({ status: 400 });
    }
    expect(usage).toEqual([]);
  });

  it('may have encoded slashes and parameters where the route passes them', async () => {
    const { port } = await guarded(', encoded_slash: pass, path_parameters: pass');
    expect(echoed(await send(port, '/api/data/a%2fb;c=%41?d', { token: 'editor' })).url).toBe('/api/data/a%2Fb;c=A?d');
  });

  it('is 404 where there is no route, with or without a token', async () => {
    const { port } = await guarded();
    for (const path of ['/api', '/api/dat', '/api/database', '/settingsx']) {
      expect(await send(port, path, { token: 'admin' })).toMatchObject({ status: 404 });
    }
  });

  it('is refused with TRACE', async () => {
    const { port } = await guarded();
    const answer = await send(port, '/api/data', { method: 'TRACE', token: 'admin' });
    expect(answer).toMatchObject({ status: 405, headers: { allow: expect.stringContaining('GET') } });
  });

  it('carries the token only where the route says so, and never Portcullis’s cookies', async () => {
    const { port } = await guarded(', forward_authorization: true');
    const headers = { Cookie: 'a=1; portcullis_session=x; __Host-portcullis_session=y' };
    expect(echoed(await send(port, '/api/data', { token: 'editor', headers })).headers).toMatchObject({
      authorization: 'Bearer editor',
      cookie: 'a=1',
    });
  });

  it('takes the client address from a trusted proxy’s X-Forwarded-For', async () => {
    const { port, usage } = await guarded('', { trustedProxies: ['127.0.0.0/8'] });
    const headers = {
      'X-Forwarded-For': '6.6.6.6, 203.0.113.9',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Host': 'api.example',
    };
    const answer = await send(port, '/api/data', { token: 'editor', headers });
    expect(echoed(answer).headers).toMatchObject({
      'x-forwarded-for': '6.6.6.6, 203.0.113.9, 127.0.0.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'api.example',
    });
    expect(usage).toEqual([[456, '203.0.113.9']]);
  });

  it('follows the routes as they change', async () => {
    const { port, routes } = await guarded();
    const other = await started.upstream((_request, response) => response.end('other'));
    routes.set(`routes: [{prefix: /other, upstreams: ['http://127.0.0.1:${other}']}]`);
    expect(await send(port, '/other', { token: 'member' })).toMatchObject({ body: 'other' });
    expect(await send(port, '/api/data', { token: 'member' })).toMatchObject({ status: 404 });
  });

  it('is answered when the gate has to ask first, and dropped when the client has gone by then', async () => {
    const { port, gate, usage } = await guarded();
    gate.later = true;
    const answer = send(port, '/api/data', { token: 'editor' });
    await vi.waitFor(() => expect(gate.waiting).toHaveLength(1));
    gate.waiting.shift()?.();
    expect((await answer).status).toBe(200);

    const client = new RawClient(port, 'GET /api/data HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer editor\r\n\r\n');
    await vi.waitFor(() => expect(gate.waiting).toHaveLength(1));
    client.socket.destroy();
    await client.toEnd();
    await expect.poll(() => usage.length).toBe(1);
    gate.waiting.shift()?.();
    expect(usage).toHaveLength(1);
  });
});

describe('CORS on a route', () => {
  const CORS = ', cors: {origins: [https://app.example]}';
  const origin = { Origin: 'https://app.example' };

  it('answers a preflight without a token and without the upstream', async () => {
    const { port } = await guarded(CORS);
    const headers = {
      ...origin,
      'Access-Control-Request-Method': 'PUT',
      'Access-Control-Request-Headers': 'authorization',
    };
    expect(await send(port, '/api/data', { method: 'OPTIONS', headers })).toMatchObject({
      status: 204,
      headers: {
        'access-control-allow-origin': 'https://app.example',
        'access-control-allow-methods': 'PUT',
        'access-control-allow-headers': 'authorization',
        vary: expect.stringContaining('Origin'),
      },
    });
    const other = { ...headers, Origin: 'https://evil.example' };
    const refused = await send(port, '/api/data', { method: 'OPTIONS', headers: other });
    expect(refused).toMatchObject({ status: 403, headers: { vary: 'Origin' } });
    expect(refused.headers).not.toHaveProperty('access-control-allow-origin');
  });

  it('lets a page read the answers, also the gateway’s own refusals', async () => {
    const { port } = await guarded(CORS);
    for (const [token, method, status] of [
      ['member', 'GET', 200],
      ['member', 'POST', 403],
      ['none', 'GET', 401],
    ] as const) {
      expect(await send(port, '/api/data', { token, method, headers: origin })).toMatchObject({
        status,
        headers: { 'access-control-allow-origin': 'https://app.example', vary: 'Origin' },
      });
    }
  });

  it('is not there without a policy: a preflight needs a token like any other request', async () => {
    const { port } = await guarded();
    const headers = { ...origin, 'Access-Control-Request-Method': 'PUT' };
    const answer = await send(port, '/api/data', { method: 'OPTIONS', headers });
    expect(answer.status).toBe(401);
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
  });
});

describe('draining', () => {
  it('refuses every new request, on kept-alive connections too, and waits for those in flight', async () => {
    let release: (() => void) | undefined;
    const upstream = await started.upstream((_request, response) => {
      release = () => response.end('late');
    });
    const { port, dataPath } = await started.gateway(
      `routes: [{prefix: /a, upstreams: ['http://127.0.0.1:${upstream}']}]`,
    );
    const inFlight = send(port, '/a', { token: 'member' });
    const keptAlive = new RawClient(port, 'GET /livez HTTP/1.1\r\nHost: a\r\n\r\n');
    await vi.waitFor(() => expect(release).toBeDefined());
    await vi.waitFor(() => expect(keptAlive.received).toContain('nest'));

    dataPath.startDraining();
    keptAlive.socket.write('GET /livez HTTP/1.1\r\nHost: a\r\n\r\n');
    const refused = await keptAlive.toEnd();
    expect(refused).toMatch(/HTTP\/1\.1 503 [\s\S]*Retry-After: 1\r\n[\s\S]*Connection: close/);
    expect((await send(port, '/a', { token: 'member' })).status).toBe(503);
    expect(await dataPath.drained(1)).toBe(false);

    const drained = dataPath.drained(10_000);
    release?.();
    expect(await inFlight).toMatchObject({ status: 200, body: 'late', headers: { connection: 'close' } });
    expect(await drained).toBe(true);
    expect(dataPath.inFlight).toBe(0);
  });
});
