import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeServiceToken } from './harness/fixtures.ts';
import { type App, Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start({
    gateways: 3,
    gatewayEnv: (index) =>
      [{}, { PORTCULLIS_ACCESS_LOG: 'all', PORTCULLIS_LOG_LEVEL: 'warn' }, { PORTCULLIS_ACCESS_LOG: '0.5' }][index]!,
  });
});
afterAll(() => stack.stop());

type Line = Record<string, unknown>;
const linesOf = (app: App): Line[] => app.log().trim().split('\n').map((line) => JSON.parse(line) as Line); // prettier-ignore
const accessLinesOf = (app: App): Line[] => linesOf(app).filter(({ context }) => context === 'access');

describe('the log of either app', () => {
  it('is one JSON object on each line from the first to the last, Nest’s own lines too', async () => {
    const apps = [stack.gateways[0]!, stack.tokenServices[0]!];
    for (const app of apps) await app.restart();
    for (const app of apps) {
      const lines = linesOf(app);
      expect(
        lines.every(({ level, time, msg }) => typeof level === 'number' && time !== undefined && msg !== undefined),
      ).toBe(true);
      expect(lines.map(({ context }) => context)).toContain('NestApplication');
      expect(new Set(lines.map(({ app }) => app)).size).toBe(1);
    }
    expect(linesOf(stack.gateways[0]!)[0]).toMatchObject({ app: 'auth-gateway', instance: 'gw-1' });
  });

  it('has the id of the request that it answers with 500, with and without a body', async () => {
    const broken = 'ALTER TABLE users RENAME TO users_away';
    await stack.database.pool.query(broken);
    const ids = ['log-1', 'log-2'];
    const admin = stack.direct(0, stack.adminToken);
    try {
      const [first, second] = await Promise.all([
        admin.get('/api/users', { headers: { 'X-Request-Id': ids[0]! } }),
        admin.post('/api/users', { name: 'x', role: 'Editor' }, { headers: { 'X-Request-Id': ids[1]! } }),
      ]);
      expect([first.status, second.status]).toEqual([500, 500]);
    } finally {
      await stack.database.pool.query('ALTER TABLE users_away RENAME TO users');
    }
    const failures = linesOf(stack.tokenServices[0]!).filter(({ context }) => context === 'ProblemFilter');
    expect(failures.map((line) => line['request_id']).toSorted()).toEqual(ids);
  });
});

describe('the access log', () => {
  it('is off unless asked for: requests leave no line', async () => {
    const { bearer_token: token } = await makeServiceToken(stack.admin);
    const before = stack.gateways[0]!.log();
    for (let i = 0; i < 5; i += 1) await stack.client(0, token).get('/api/datastores');
    await stack.client(0).get('/api/datastores');
    expect(stack.gateways[0]!.log()).toBe(before);
  });

  it('has a line for each request, whatever the level of the log, with the token’s number and no query', async () => {
    const { bearer_token: token, id } = await makeServiceToken(stack.admin);
    const client = stack.client(1, token);
    const answers = [
      await client.get('/api/datastores?secret=hunter2'),
      await client.as(undefined).get('/api/datastores'),
      await client.as(`${token}x`).get('/api/users/me?access_token=hunter2'),
      await client.get('/nowhere?code=hunter2'),
      await client.get('/livez'),
    ];
    const gateway = stack.gateways[1]!;
    const lines = await waitUntil('the lines', () => accessLinesOf(gateway).length >= 4 && accessLinesOf(gateway));
    const ids = answers.slice(0, 4).map(({ headers }) => headers.get('x-request-id'));
    expect(lines.map((line) => line['request_id'])).toEqual(ids);
    const common = { method: 'GET', duration_ms: expect.any(Number), client_address: '127.0.0.1' };
    expect(lines[0]).toMatchObject({ ...common, route: '/api/datastores', status: 200, token_id: id });
    expect(lines[1]).toMatchObject({ ...common, route: '/api/datastores', status: 401, refusal: 'missing_token' });
    expect(lines[1]).not.toHaveProperty('token_id');
    expect(lines[2]).toMatchObject({ ...common, route: '/api/users', status: 401, refusal: 'invalid_token' });
    expect(lines[3]).toMatchObject({ route: '', status: 404, refusal: 'not_found' });
    for (const secret of ['hunter2', token, token.split('.')[2]!]) expect(gateway.log()).not.toContain(secret);
  });

  it('of a share has a line for some requests and not for others', async () => {
    const { bearer_token: token } = await makeServiceToken(stack.admin);
    for (let i = 0; i < 200; i += 1) await stack.client(2, token).get('/api/datastores');
    const count = accessLinesOf(stack.gateways[2]!).length;
    expect(count).toBeGreaterThan(50); // of 200: both bounds are 7 standard deviations away
    expect(count).toBeLessThan(150);
  });
});
