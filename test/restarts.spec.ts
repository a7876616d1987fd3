import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EventsStream } from './harness/events-stream.ts';
import { makeServiceToken } from './harness/fixtures.ts';
import { Stack } from './harness/stack.ts';
import { SteadyLoad } from './harness/steady-load.ts';
import { countedUses } from './harness/token-usage.ts';
import { UsageReports } from './harness/usage-reports.ts';
import { waitUntil } from './harness/wait-until.ts';

/** What is restarted is back within this, however slow the machine. */
const LEASE_MS = 30_000;

let stack: Stack;
let events: EventsStream;
let reports: UsageReports;
beforeAll(async () => {
  stack = await Stack.start({ ownPostgres: true, tokenServiceEnv: { PORTCULLIS_LEASE_MS: String(LEASE_MS) } });
  events = await EventsStream.open(stack);
  reports = await UsageReports.open(stack);
});
afterAll(async () => {
  await events?.close();
  await reports?.close();
  await stack?.stop();
});

/** Restarts something under steady load: `away` takes it away and brings it back. */
async function underLoad(away: (load: SteadyLoad) => Promise<void>): Promise<SteadyLoad> {
  const pids = [...stack.gateways, ...stack.tokenServices].map(({ process }) => process.pid);
  const load = await SteadyLoad.start(stack);
  try {
    await waitUntil('the load runs', () => load.made.length > 2);
    await away(load);
    const before = load.made.length;
    await waitUntil('it works again by itself', () => load.made.length > before + 2);
  } finally {
    await load.stop();
  }
  expect([...stack.gateways, ...stack.tokenServices].map(({ process }) => process.pid)).toEqual(pids);
  for (const { process } of [...stack.gateways, ...stack.tokenServices]) expect(process.exit).toBeUndefined();
  return load;
}

/** Whatever was answered with success is there, once: tokens, events, uses. */
async function expectNothingLost(load: SteadyLoad): Promise<void> {
  expect(new Set(load.guarded), 'the gateway goes on serving the guarded API').toEqual(new Set([200]));
  const uses = load.guarded.length;
  await reports.redeliverSoon();
  await waitUntil('every use is counted', async () => (await countedUses(stack, load.token.id)) >= uses);
  expect(await countedUses(stack, load.token.id)).toBe(uses);

  const stored = await events.expectTheWholeOutboxOnce();
  const issued = new Set(stored.flatMap(({ event }) => (event.type === 'TokenIssued' ? [event.subject] : [])));
  expect(load.made.filter(({ id }) => !issued.has(`token/${id}`))).toEqual([]);
  const { rows } = await stack.database.pool.query('SELECT id FROM tokens WHERE id = ANY($1)', [
    load.made.map(({ id }) => id),
  ]);
  expect(rows).toHaveLength(load.made.length);
}

function expectProblems(load: SteadyLoad, statuses: number[]): void {
  for (const { status, headers, body, text } of load.refused) {
    expect(statuses, text).toContain(status);
    expect(headers.get('content-type')).toContain('application/problem+json');
    expect(body).toMatchObject({ status, code: expect.any(String) });
  }
}

describe('Postgres', () => {
  it('restarted: no process dies, what can’t be served is 503, guarded APIs go on, nothing is lost', async () => {
    const load = await underLoad(async ({ refused }) => {
      await stack.postgres!.stop();
      await waitUntil('a call is refused', async () => {
        const { status } = await stack.admin.get('/api/users/me');
        expect([200, 503]).toContain(status);
        return status === 503;
      });
      expect(refused.every(({ status }) => status === 503)).toBe(true);
      await stack.startPostgres();
    });
    expect(load.refused.length).toBeGreaterThan(0);
    expectProblems(load, [503]);
    await expectNothingLost(load);
  });

  it('crashing, and recovering by itself: the same', async () => {
    const load = await underLoad(async (running) => {
      const { rows } = await stack.database.pool.query('SELECT pg_backend_pid() AS pid');
      process.kill(rows[0].pid, 'SIGKILL'); // Postgres then ends all sessions and recovers
      const before = running.managed.length;
      await waitUntil('the load notices', () => running.managed.length > before + 2);
    });
    expect(load.made.length).toBeGreaterThan(0);
    expectProblems(load, [503]);
    await expectNothingLost(load);
  });

  it('ending every session, again and again: an idle client’s error kills nobody', async () => {
    const load = await underLoad(async ({ managed }) => {
      for (let round = 0; round < 10; round++) {
        await stack.database.pool.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND pid <> pg_backend_pid()`,
        );
        const before = managed.length;
        await waitUntil('calls are answered', () => managed.length > before + 5);
      }
    });
    expect(stack.tokenServices[0]!.log()).toContain('An idle database connection was lost');
    expectProblems(load, [503]);
    await expectNothingLost(load);
  });
});

describe('NATS', () => {
  it('restarted: every call is served meanwhile, nothing is lost', async () => {
    const load = await underLoad(async () => {
      await stack.nats.stop();
      const { id } = await makeServiceToken(stack.admin);
      expect((await stack.admin.put(`/api/user-tokens/${id}`, { revoke: true })).status).toBe(200);
      await stack.startNats();
    });
    expect(load.statuses()).toEqual([200, 201]);
    await expectNothingLost(load);
  });
});

describe('token-service', () => {
  it('killed and started again: the same data, guarded APIs go on meanwhile, the gateway recovers by itself', async () => {
    const service = stack.tokenServices[0]!;
    const kept = await makeServiceToken(stack.admin);
    const before = await stack.admin.get(`/api/user-tokens/${kept.id}`);
    const load = await SteadyLoad.start(stack);
    await waitUntil('the load runs', () => load.made.length > 2);
    service.process.kill('SIGKILL');
    await service.process.exited;
    await waitUntil('the gateway says that it is away', () => load.refused.length > 0);
    await service.restart();
    const made = load.made.length;
    await waitUntil('the gateway reaches it again', () => load.made.length > made + 2);
    await load.stop();
    expectProblems(load, [502, 503, 504]);
    await expectNothingLost(load);
    expect((await stack.admin.get(`/api/user-tokens/${kept.id}`)).body).toEqual(before.body);
    expect((await stack.client(0, kept.bearer_token).get('/api/datastores')).status).toBe(200);
    expect((await stack.admin.put(`/api/user-tokens/${kept.id}`, { revoke: true })).body.receipt).toMatchObject({
      confirmed: ['gw-1'],
      expired: [],
    });
  });

  // Last: it leaves no Admin's token.
  it('starting again renews the first Admin’s token when it has expired, and not when it was revoked', async () => {
    const inFile = async (): Promise<string> =>
      (await readFile(join(stack.dataDir, 'bootstrap', 'admin-token'), 'utf8')).trim();
    const restart = async (): Promise<{ id: number; revoked: boolean }[]> => {
      await stack.database.pool.query(`UPDATE tokens SET expires_at = now() - interval '1 second' WHERE name = $1`, [
        'admin-token',
      ]);
      await stack.tokenServices[0]!.restart();
      const { rows } = await stack.database.pool.query(
        `SELECT id, revoked_at IS NOT NULL AS revoked FROM tokens WHERE name = 'admin-token'`,
      );
      return rows;
    };
    const [renewed] = await restart();
    expect(renewed).toMatchObject({ revoked: false });
    const token = await inFile();
    expect(token).not.toBe(stack.adminToken);
    const revoke = await stack.direct(0, token).put(`/api/user-tokens/${renewed!.id}`, { revoke: true });
    expect(revoke.status).toBe(200);

    expect(await restart()).toEqual([{ id: renewed!.id, revoked: true }]);
    expect(await inFile()).toBe(token);
  });
});
