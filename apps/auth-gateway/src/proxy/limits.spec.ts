import { unauthorized } from '@portcullis/contracts';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Rate } from '../limits/rate.js';
import { callerOf, problemIn, RawClient, send, Started, type TestGateway } from './testing/gateway-harness.js';

const started = new Started();
afterEach(() => started.stop());

/** One comes free in an hour, so that no test is too slow for it. */
const failedAuthLimit = new Rate(1, 3_600, 2);

const refusing = (gateway: TestGateway): TestGateway => {
  gateway.gate.callers.set('bad', unauthorized('The token was not issued here', 'invalid_token'));
  gateway.gate.callers.set('same-user', callerOf({}, { tokenId: 457 }));
  return gateway;
};

async function guarded(limits = '', options: Parameters<Started['gateway']>[1] = {}): Promise<TestGateway> {
  const upstream = await started.upstream((_request, response) => {
    response.setHeader('RateLimit-Policy', '"theirs";q=9;w=9').setHeader('RateLimit', '"theirs";r=8;t=7').end('ok');
  });
  const yaml = (extra: string): string => `routes: [{prefix: /a, upstreams: ['http://127.0.0.1:${upstream}']${extra}}]`;
  return refusing(await started.gateway(yaml(limits && `, limits: ${limits}`), options));
}

const statuses = async (times: number, ask: () => Promise<{ status: number }>): Promise<number[]> => {
  const found: number[] = [];
  for (let i = 0; i < times; i += 1) found.push((await ask()).status);
  return found;
};

describe('an address that sends bad tokens', () => {
  it('gets 429 with Retry-After for them after a while, anywhere, and its good ones are let in', async () => {
    const { port, dataPath } = await guarded('', { failedAuthLimit });
    expect(await statuses(3, () => send(port, '/a', { token: 'bad' }))).toEqual([401, 401, 429]);
    const answer = await send(port, '/api/users', { token: 'bad' });
    expect(answer).toMatchObject({ status: 429, headers: { 'content-type': 'application/problem+json' } });
    expect(JSON.parse(answer.body)).toMatchObject({ status: 429, code: 'too_many_bad_tokens' });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(3_000);
    expect(answer.headers).not.toHaveProperty('www-authenticate');
    expect(await statuses(3, () => send(port, '/a', { token: 'editor' }))).toEqual([200, 200, 200]);
    expect((await send(port, '/a')).status).toBe(401);
    expect(dataPath.limited.failed_authentication).toBe(2);
  });

  it('gets it in SCIM’s form below /scim', async () => {
    const { port } = await guarded('', { failedAuthLimit });
    await statuses(2, () => send(port, '/a', { token: 'bad' }));
    const answer = await send(port, '/scim/v2/Users', { token: 'bad' });
    expect(answer.headers).toMatchObject({ 'content-type': 'application/scim+json' });
    expect(JSON.parse(answer.body)).toMatchObject({ status: '429', detail: expect.stringContaining('bad tokens') });
  });

  it('gets it on the connection that it has: another one for each guess would cost the gateway more', async () => {
    const { port } = await guarded('', { failedAuthLimit });
    const client = new RawClient(port, 'GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer bad\r\n\r\n'.repeat(10));
    await vi.waitFor(() => expect(client.received.match(/HTTP\/1\.1 429/g)).toHaveLength(8), 20_000);
    expect(client.closed).toBe(false);
    client.socket.destroy();
  });

  it('is the one that a trusted proxy names', async () => {
    const { port } = await guarded('', { failedAuthLimit, trustedProxies: ['127.0.0.1'] });
    const from = (address: string) => () =>
      send(port, '/a', { token: 'bad', headers: { 'X-Forwarded-For': `6.6.6.6, ${address}` } });
    expect(await statuses(3, from('203.0.113.9'))).toEqual([401, 401, 429]);
    expect(await statuses(1, from('203.0.113.8'))).toEqual([401]);
    expect(await statuses(3, from('2001:db8::1'))).toEqual([401, 401, 429]);
    expect(await statuses(1, from('2001:db8::2'))).toEqual([429]);
  });
});

describe('a route with limits', () => {
  it('tells what is left with each answer, beside what its upstream says, and refuses when nothing is', async () => {
    const { port, usage, dataPath } = await guarded('{per_token: 2/h, per_user: 3/h}');
    const answer = await send(port, '/a', { token: 'editor' });
    expect(answer).toMatchObject({
      status: 200,
      headers: {
        'ratelimit-policy': '"theirs";q=9;w=9, "per-token";q=2;w=3600, "per-user";q=3;w=3600',
        ratelimit: '"theirs";r=8;t=7, "per-token";r=1;t=1800, "per-user";r=2;t=1200',
      },
    });
    expect((await send(port, '/a', { token: 'editor' })).status).toBe(200);
    const refused = await send(port, '/a', { token: 'editor' });
    expect(refused.status).toBe(429);
    expect(refused.headers['ratelimit-policy']).toBe('"per-token";q=2;w=3600, "per-user";q=3;w=3600');
    const [, seconds] = /^"per-token";r=0;t=(\d+)$/.exec(String(refused.headers['ratelimit'])) ?? [];
    expect(refused.headers['retry-after']).toBe(seconds);
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'quota_exceeded', 'violated-policies': ['per-token'] });
    expect(await statuses(2, () => send(port, '/a', { token: 'same-user' }))).toEqual([200, 429]);
    expect(usage).toHaveLength(3);
    expect(dataPath.limited).toMatchObject({ per_token: 1, per_user: 1 });
  });

  it('does not count what is refused anyway, nor say anything with it', async () => {
    const { port } = await guarded('{per_user: 1/h}');
    const refused = await send(port, '/a', { token: 'member', method: 'POST' });
    expect(refused.status).toBe(403);
    expect(refused.headers).not.toHaveProperty('ratelimit');
    expect((await send(port, '/a', { token: 'bad' })).headers).not.toHaveProperty('ratelimit');
    expect(await statuses(2, () => send(port, '/a', { token: 'editor' }))).toEqual([200, 429]);
  });

  it('tells them with an answer of the gateway’s own too', async () => {
    const { port } = await started.gateway(
      `routes: [{prefix: /a, upstreams: ['http://127.0.0.1:1'], limits: {per_token: 5/h}}]`,
    );
    const answer = await send(port, '/a', { token: 'editor' });
    expect(answer).toMatchObject({ status: 502, headers: { ratelimit: '"per-token";r=4;t=720' } });
  });

  it('takes an upgrade for one request', async () => {
    const { port } = await guarded('{per_token: 1/h}');
    const handshake =
      'GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer editor\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    const first = await new RawClient(port, handshake).toEnd();
    expect(first).toMatch(/^HTTP\/1\.1 200 /);
    expect(first).toContain('"per-token";r=0');
    expect(problemIn(await new RawClient(port, handshake).toEnd())).toMatchObject({ status: 429 });
  });

  it('lets a page of another origin read them', async () => {
    const upstream = await started.upstream((_request, response) => response.end());
    const { port } = await started.gateway(
      `routes: [{prefix: /a, upstreams: ['http://127.0.0.1:${upstream}'], limits: {per_token: 5/h}, cors: {origins: [http://o]}}]`,
    );
    const answer = await send(port, '/a', { token: 'editor', headers: { Origin: 'http://o' } });
    expect(answer.headers).toMatchObject({ ratelimit: '"per-token";r=4;t=720', 'access-control-expose-headers': '*' });
  });
});

describe('/verify', () => {
  const ROUTES = `routes: [{prefix: /a, upstreams: ['http://127.0.0.1:1'], limits: {per_token: 1/h}}]`;
  const asked = { 'X-Original-Method': 'GET', 'X-Original-URI': '/a' };
  const told = { 'X-Forwarded-Method': 'GET', 'X-Forwarded-Uri': '/a' };

  it.each([
    ['nginx', 403],
    ['traefik', 429],
    ['envoy', 429],
  ] as const)('asked by %s goes by the same limits, and answers with %i', async (forwardAuth, status) => {
    const trustedProxies = ['127.0.0.1'];
    const gateway = refusing(await started.gateway(ROUTES, { forwardAuth, failedAuthLimit, trustedProxies }));
    const headers = { ...(forwardAuth === 'envoy' ? {} : forwardAuth === 'nginx' ? asked : told) };
    const path = forwardAuth === 'envoy' ? '/verify/a' : '/verify';
    const ask = (token: string, address: string) =>
      send(gateway.port, path, { token, headers: { ...headers, 'X-Forwarded-For': address } });

    expect(await statuses(3, () => ask('bad', '203.0.113.9'))).toEqual([401, 401, status]);
    expect(await statuses(1, () => ask('bad', '203.0.113.8'))).toEqual([401]);
    const allowed = await ask('editor', '203.0.113.9');
    expect(allowed).toMatchObject({ status: 200, headers: { ratelimit: '"per-token";r=0;t=3600' } });
    const refused = await ask('editor', '203.0.113.9');
    expect(refused).toMatchObject({ status, headers: { 'retry-after': expect.stringMatching(/^3[56]\d\d$/) } });
    expect(refused.headers['ratelimit']).toMatch(/^"per-token";r=0;t=3[56]\d\d$/);
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'quota_exceeded' });
    expect(gateway.dataPath.limited).toMatchObject({ failed_authentication: 1, per_token: 1 });
  });
});
