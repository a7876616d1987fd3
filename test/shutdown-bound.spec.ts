import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeServiceUser } from './harness/fixtures.ts';
import { Stack, type TokenServiceApp } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

/** Two seconds for requests and six for the rest, on a machine that may be busy with something else. */
const BOUND_MS = 40_000;

let stack: Stack;
let service: TokenServiceApp;
beforeAll(async () => {
  stack = await Stack.start({ ownPostgres: true, tokenServiceEnv: { PORTCULLIS_SHUTDOWN_SECONDS: '2' } });
  service = stack.tokenServices[0]!;
});
afterAll(() => stack.stop());

/** Sends SIGTERM and waits for the end. */
async function terminate(): Promise<{ code: number | null; signal: string | null }> {
  service.process.kill('SIGTERM');
  return waitUntil('the token-service has ended', () => service.process.exit, BOUND_MS);
}

describe('SIGTERM to a token-service', () => {
  it('cuts a request that does not end, and comes to its own end', async () => {
    const user = await makeServiceUser(stack.admin);
    const clock = await stack.database.pool.connect();
    await clock.query('BEGIN');
    await clock.query('SELECT FROM access_clock FOR UPDATE');
    const held = stack
      .direct(0, stack.adminToken)
      .put(`/api/users/${user.id}`, { role: 'Manager' })
      .then(
        ({ status }) => status,
        () => 'cut',
      );
    await waitUntil('the request waits for the clock', async () => {
      const { rows } = await stack.database.pool.query(
        `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
      );
      return rows.length > 0;
    });
    const { signal } = await terminate();
    expect(signal).toBeNull();
    expect(await held).toBe('cut');
    expect(service.log()).toContain('Requests that are under way after 2 s are cut');
    await clock.query('ROLLBACK');
    clock.release();
    await service.restart();
    expect((await stack.direct(0, stack.adminToken).get(`/api/users/${user.id}`)).body.role).toBe('Editor');
  });

  it('ends while Postgres is away', async () => {
    await stack.postgres!.stop();
    try {
      await waitUntil('it has noticed', async () => (await stack.direct().get('/readyz')).status === 503);
      expect((await terminate()).signal).toBeNull();
    } finally {
      await stack.startPostgres();
      await service.restart();
    }
  });
});
