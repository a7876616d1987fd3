import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Connection } from './harness/connection.ts';
import { makeServiceToken, makeServiceUser } from './harness/fixtures.ts';
import { SlowUpstream } from './harness/slow-upstream.ts';
import { type App, Stack } from './harness/stack.ts';
import { countedUses } from './harness/token-usage.ts';
import { waitUntil } from './harness/wait-until.ts';

const PROMPT_MS = 30_000;
const STOPPED = { code: 0, signal: null };

let stack: Stack;
let upstream: SlowUpstream;
const connections: Connection[] = [];
beforeAll(async () => {
  upstream = await SlowUpstream.start();
  stack = await Stack.start({ gateways: 2, routes: upstream.routes });
});
afterAll(async () => {
  upstream?.release();
  await stack?.stop();
  await upstream?.stop();
});
afterEach(() => {
  for (const connection of connections.splice(0)) connection.close();
});

function connect(app: App, token?: string): Connection {
  const connection = new Connection(app.url, token === undefined ? {} : { token });
  connections.push(connection);
  return connection;
}

/** Sends SIGTERM. @returns how it ended, and how long that took */
async function terminate({ process }: App): Promise<{ code: number | null; signal: string | null; tookMs: number }> {
  const sentMs = performance.now();
  process.kill('SIGTERM');
  return { ...(await process.exited), tookMs: performance.now() - sentMs };
}

describe('SIGTERM to a gateway', () => {
  it('lets the request in flight finish, refuses new ones, reports the last use, gives the lease back, ends with 0', async () => {
    const gateway = stack.gateways[0]!;
    const token = await makeServiceToken(stack.admin);
    const [kept, alsoKept, slow] = [1, 2, 3].map(() => connect(gateway, token.bearer_token)) as [
      Connection,
      Connection,
      Connection,
    ];
    for (const connection of [kept, alsoKept]) expect((await connection.get('/api/slow/now')).status).toBe(200);
    const inFlight = slow.get('/api/slow/held');
    await waitUntil('the slow request is at the upstream', () => upstream.held === 1);
    for (let i = 0; i < 10; i++) expect((await kept.get('/api/slow/now')).status).toBe(200);

    const ending = terminate(gateway);
    await waitUntil('it is shutting down', () => gateway.log().includes('SIGTERM: shutting down'));
    for (const connection of [kept, alsoKept]) {
      const refused = await connection.get('/api/slow/now');
      expect(refused).toMatchObject({ status: 503, headers: { connection: 'close', 'retry-after': '1' } });
      expect(refused.headers['content-type']).toContain('application/problem+json');
      expect(JSON.parse(refused.text).code).toBe('shutting_down');
      expect(connection.opened).toBe(1);
    }
    expect((await connect(gateway).get('/readyz')).status).toBe(503);
    expect(gateway.process.exit).toBeUndefined();
    upstream.release();
    expect(await inFlight).toMatchObject({ status: 200, text: 'at last' });

    expect(await ending).toMatchObject(STOPPED);
    await waitUntil('the last use is counted', async () => (await countedUses(stack, token.id)) === 13);
    const seen = await stack.client(1, stack.adminToken).get(`/api/user-tokens/${token.id}`);
    expect(seen.body.last_used).toEqual(expect.any(String));
    const { rows } = await stack.database.pool.query(
      `SELECT released_at FROM gateway_leases WHERE instance = 'gw-1' AND fenced_at IS NULL`,
    );
    expect(rows).toEqual([{ released_at: expect.any(Date) }]);
    await gateway.restart();
  });

  it('ends with 0 and promptly while NATS is away', async () => {
    const gateway = stack.gateways[0]!;
    await stack.nats.stop();
    try {
      const { tookMs, ...exit } = await terminate(gateway);
      expect(exit).toEqual(STOPPED);
      expect(tookMs).toBeLessThan(PROMPT_MS);
    } finally {
      await stack.startNats();
      await gateway.restart();
    }
  });
});

describe('SIGTERM to a token-service', () => {
  it('lets the request in flight finish, and ends with 0 and promptly though gateways are connected', async () => {
    const service = stack.tokenServices[0]!;
    const user = await makeServiceUser(stack.admin);
    const clock = await stack.database.pool.connect();
    await clock.query('BEGIN');
    await clock.query('SELECT FROM access_clock FOR UPDATE');
    const inFlight = stack.direct(0, stack.adminToken).put(`/api/users/${user.id}`, { role: 'Manager' });
    await waitUntil('the request waits for the clock', async () => {
      const { rows } = await stack.database.pool.query(
        `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
      );
      return rows.length > 0;
    });
    const ending = terminate(service);
    await waitUntil('it takes no new connections', () =>
      stack
        .direct()
        .get('/livez')
        .then(
          ({ status }) => status === 503,
          () => true,
        ),
    );
    expect(service.process.exit).toBeUndefined();
    await clock.query('COMMIT');
    clock.release();
    expect(await inFlight).toMatchObject({ status: 200, body: { role: 'Manager' } });
    const { tookMs, ...exit } = await ending;
    expect(exit).toEqual(STOPPED);
    expect(tookMs).toBeLessThan(PROMPT_MS);
    await service.restart();
  });

  it('ends with 0 and promptly while NATS is away', async () => {
    const service = stack.tokenServices[0]!;
    await stack.nats.stop();
    try {
      const { tookMs, ...exit } = await terminate(service);
      expect(exit).toEqual(STOPPED);
      expect(tookMs).toBeLessThan(PROMPT_MS);
    } finally {
      await stack.startNats();
      await service.restart();
    }
  });
});
