import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../scripts/stack/free-port.ts';
import { makeServiceToken, makeServiceUser, makeToken } from './harness/fixtures.ts';
import { type Answer, HttpClient } from './harness/http-client.ts';
import { type Nginx, startNginx } from './harness/nginx.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

const BAD_TOKENS = 5;
const QUOTA = '/api/datastores';

let stack: Stack;
let managementPort: number;
let nginx: Nginx;
let api: Server;
beforeAll(async () => {
  managementPort = await freePort();
  const common = {
    PORTCULLIS_TRUSTED_PROXIES: '127.0.0.1',
    PORTCULLIS_FAILED_AUTH_LIMIT: `1/h burst ${BAD_TOKENS}`,
  };
  stack = await Stack.start({
    gateways: 2,
    gatewayEnv: (index) => ({
      ...common,
      ...(index === 0 ? { PORTCULLIS_MANAGEMENT_PORT: String(managementPort) } : { PORTCULLIS_FORWARD_AUTH: 'nginx' }),
    }),
  });
  api = createServer((_request, response) => response.end('{}'));
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
  nginx = await startNginx(documentedServer());
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
    .replace('http://gateway.internal:8080', stack.gateways[1]!.url)
    .replace('http://api.internal:4001', `http://127.0.0.1:${port}`)
    .replace('$remote_addr', '$http_x_test_client');
}

/** The routes file of both gateways, with these limits. */
async function limit(limits: string): Promise<void> {
  const upstreams = `[${stack.upstream.url}]`;
  const text = `routes:\n  - { prefix: ${QUOTA}, upstreams: ${upstreams}, limits: ${limits || '{}'} }\n`;
  await writeFile(join(stack.dataDir, 'routes.yaml'), text);
}

/** What a gateway says of the limits of the route, once it has read them. */
async function limitsTold(policy: string, gateway = 0): Promise<void> {
  await waitUntil(`the gateway says ${policy}`, async () => {
    const { headers } = await stack.client(gateway, stack.adminToken).get(QUOTA);
    return headers.get('ratelimit-policy') === policy;
  });
}

/** Requests that the first gateway has refused, by limit. */
async function limitedTotals(): Promise<Record<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${managementPort}/metrics`)).text();
  const samples = text.matchAll(/^portcullis_gateway_limited_total\{limit="(\w+)"\} (\d+)$/gm);
  return Object.fromEntries([...samples].map(([, limit, value]) => [limit, Number(value)]));
}

let network = 0;
/** An address that no other test has, as the proxy in front says it. */
const newAddress = (): Record<string, string> => ({ 'X-Forwarded-For': `198.51.${(network += 1)}.7` });

async function answers(times: number, ask: () => Promise<Answer<unknown>>): Promise<Answer<unknown>[]> {
  const found: Answer<unknown>[] = [];
  for (let i = 0; i < times; i += 1) found.push(await ask());
  return found;
}
const statusesOf = (found: readonly Answer<unknown>[]): number[] => found.map(({ status }) => status);
const times = (count: number, status: number): number[] => Array.from({ length: count }, () => status);

describe('an address that sends bad tokens', () => {
  it.each(['/api/datastores', '/api/users', '/scim/v2/Users'])(
    'is slowed at %s with 429 and Retry-After, while a good token from it is let in',
    async (path) => {
      const headers = newAddress();
      const guess = () => stack.client(0, `guess-${Math.random()}`).get(path, { headers });
      const found = await answers(BAD_TOKENS + 3, guess);
      expect(statusesOf(found)).toEqual([...times(BAD_TOKENS, 401), ...times(3, 429)]);
      const refused = found.at(-1)!;
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(60);
      expect(refused.headers.get('content-type')).toMatch(/^application\/(problem|scim)\+json/);
      expect(statusesOf(await answers(20, () => stack.admin.get(path, { headers })))).toEqual(times(20, 200));
      expect((await stack.client(0, 'guess').get(path, { headers: newAddress() })).status).toBe(401);
    },
  );

  it('is told what has become of a token that was once good, and that one is missing, however often', async () => {
    const { id, bearer_token } = await makeServiceToken(stack.admin);
    expect((await stack.admin.put(`/api/user-tokens/${id}`, { revoke: true })).status).toBe(200);
    const headers = newAddress();
    const found = await answers(BAD_TOKENS * 3, () =>
      stack.client(0, bearer_token).get('/api/datastores', { headers }),
    );
    for (const answer of found) {
      expect(answer).toMatchObject({ status: 401, body: { detail: 'The token has been revoked' } });
    }
    const none = await answers(BAD_TOKENS * 3, () => stack.client(0).get('/api/datastores', { headers }));
    expect(statusesOf(none)).toEqual(times(BAD_TOKENS * 3, 401));
    expect((await stack.client(0, 'guess').get('/api/datastores', { headers })).status).toBe(401);
  });

  it('is in the metrics, beside the other limits', async () => {
    const before = await limitedTotals();
    const headers = newAddress();
    await answers(BAD_TOKENS + 3, () => stack.client(0, 'guess').get('/api/datastores', { headers }));
    const { failed_authentication: failed = NaN, ...others } = before;
    expect(others).toEqual({ per_token: 0, per_user: 0, upgrades_per_token: 0 });
    expect(await limitedTotals()).toEqual({ ...before, failed_authentication: failed + 3 });
  });
});

describe('a route with limits', () => {
  it('lets a token through up to its limit, says how long to wait, and lets it through again', async () => {
    const policy = '"per-token";q=10;w=60';
    await limit('{ per_token: 10/min burst 3 }');
    await limitsTold(policy);
    const first = await makeServiceToken(stack.admin);
    const other = await makeServiceToken(stack.admin);
    const ask = () => stack.client(0, first.bearer_token).get(QUOTA);
    const allowed = await ask();
    expect(allowed.status).toBe(200);
    expect(allowed.headers.get('ratelimit-policy')).toBe(policy);
    expect(allowed.headers.get('ratelimit')).toMatch(/^"per-token";r=2;t=[1-6]$/);
    const refused = await waitUntil('the limit is reached', async () => {
      const answer = await ask();
      return answer.status === 429 && answer;
    });
    expect(refused.body).toMatchObject({ code: 'quota_exceeded', status: 429, 'violated-policies': ['per-token'] });
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
    const seconds = Number(refused.headers.get('retry-after'));
    expect(seconds).toBeGreaterThanOrEqual(1);
    expect(seconds).toBeLessThanOrEqual(6);
    expect(refused.headers.get('ratelimit')).toBe(`"per-token";r=0;t=${seconds}`);
    expect((await stack.client(0, other.bearer_token).get(QUOTA)).status).toBe(200);
    expect((await stack.client(0, first.bearer_token).get('/api/users/me')).status).toBe(200);
    await waitUntil('the token is let in again', async () => (await ask()).status === 200);
  });

  it('counts a user with all of their tokens, and nobody else', async () => {
    await limit('{ per_user: 4/h }');
    await limitsTold('"per-user";q=4;w=3600');
    const user = await makeServiceUser(stack.admin);
    const tokens = await Promise.all([1, 2].map(() => makeToken(stack.admin, { user_id: user.id })));
    const ask = (index: number) => () => stack.client(0, tokens[index]!.bearer_token).get(QUOTA);
    expect(statusesOf(await answers(3, ask(0)))).toEqual(times(3, 200));
    expect(statusesOf(await answers(2, ask(1)))).toEqual([200, 429]);
    expect(await ask(0)()).toMatchObject({ status: 429, body: { 'violated-policies': ['per-user'] } });
    const other = await makeServiceToken(stack.admin);
    expect((await stack.client(0, other.bearer_token).get(QUOTA)).status).toBe(200);
  });

  it('follows the routes file: another limit, none, and the old one while the file is wrong', async () => {
    const { bearer_token } = await makeServiceToken(stack.admin);
    const ask = () => stack.client(0, bearer_token).get(QUOTA);
    await limit('{ per_token: 2/h }');
    await limitsTold('"per-token";q=2;w=3600');
    expect(statusesOf(await answers(3, ask))).toEqual([200, 200, 429]);
    await limit('{ per_token: 1000 }');
    await waitUntil('the fault is in the log', () => /routes\[0\]\.limits\.per_token: must be a rate/.test(stack.gateways[0]!.log())); // prettier-ignore
    expect((await ask()).status).toBe(429);
    await limit('{ per_token: 5/h }');
    await waitUntil('the new limit holds', async () => (await ask()).status === 200);
    await limit('');
    await waitUntil('nothing is said of limits', async () => (await ask()).headers.get('ratelimit') === null);
    expect(statusesOf(await answers(10, ask))).toEqual(times(10, 200));
  });
});

const through = (token: string, client: string) =>
  new HttpClient(nginx.url, token).get(QUOTA, { headers: { 'X-Test-Client': client } });

describe('behind a real nginx, as documented', () => {
  it('bad tokens of an address and a token over its limit are 429 with Retry-After', async () => {
    await limit('{ per_token: 2/h }');
    await limitsTold('"per-token";q=2;w=3600', 1);
    const guesses = await answers(BAD_TOKENS + 1, () => through('guess', '203.0.113.9'));
    expect(statusesOf(guesses)).toEqual([...times(BAD_TOKENS, 401), 429]);
    expect(Number(guesses.at(-1)!.headers.get('retry-after'))).toBeGreaterThan(60);
    expect((await through('guess', '203.0.113.8')).status).toBe(401);
    const { bearer_token } = await makeServiceToken(stack.admin);
    const found = await answers(3, () => through(bearer_token, '203.0.113.9'));
    expect(statusesOf(found)).toEqual([200, 200, 429]);
    expect(Number(found.at(-1)!.headers.get('retry-after'))).toBeGreaterThan(60);
    expect((await new HttpClient(nginx.url, bearer_token).get('/nowhere')).status).toBe(403);
  });
});
