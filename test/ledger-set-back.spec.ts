import { cp, rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../scripts/stack/run-command.ts';
import { makeServiceToken } from './harness/fixtures.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start({ ownPostgres: true, gateways: 2, tokenServiceEnv: { PORTCULLIS_LEASE_MS: '3000' } });
});
afterAll(() => stack.stop());

const statuses = (token: string): Promise<number[]> =>
  Promise.all([0, 1].map(async (i) => (await stack.client(i, token).get('/api/datastores')).status));

async function eventually(token: string, status: number): Promise<void> {
  await waitUntil(
    `all gateways answer ${status}`,
    async () => (await statuses(token)).every((each) => each === status),
    30_000,
  );
}

/** All gateways hold a lease. */
async function gatewaysReady(): Promise<void> {
  await waitUntil(
    'all gateways are ready',
    async () =>
      (await Promise.all([0, 1].map((i) => stack.client(i).get('/readyz')))).every((each) => each.status === 200),
    30_000,
  );
}

describe('a Postgres that is restored from an older backup', () => {
  it('is followed whole by every gateway once the ledger has a new epoch, and never mixed with what they knew', async () => {
    const admin = stack.direct(0, stack.adminToken);
    const [revokedLater, revokedBefore] = [await makeServiceToken(admin), await makeServiceToken(admin)];
    await admin.put(`/api/user-tokens/${revokedBefore.id}`, { revoke: true });

    await stack.postgres!.stop();
    const { clusterDir } = stack.postgres!;
    const backup = `${clusterDir}.backup`;
    await cp(clusterDir, backup, { recursive: true, preserveTimestamps: true });
    await chownLike(clusterDir, backup);
    await stack.startPostgres();
    await waitUntil('the service is back', async () => (await admin.get('/api/users/me')).status === 200);

    // What the backup doesn't know: a revocation, and more people than it has numbers for.
    await admin.put(`/api/user-tokens/${revokedLater.id}`, { revoke: true });
    const madeLater = await makeServiceToken(admin);
    await eventually(madeLater.bearer_token, 200);
    await eventually(revokedLater.bearer_token, 401);

    // As docs/operations.md has it: token-services stopped, Postgres restored, a new epoch, token-services started.
    await stack.tokenServices[0]!.process.stop();
    await stack.postgres!.stop();
    await rm(clusterDir, { recursive: true });
    await cp(backup, clusterDir, { recursive: true, preserveTimestamps: true });
    await chownLike(backup, clusterDir);
    await rm(backup, { recursive: true });
    await stack.startPostgres();
    await stack.database.pool.query('UPDATE access_clock SET epoch = gen_random_uuid()');
    await stack.tokenServices[0]!.restart();

    await gatewaysReady(); // till then each request is introspected
    expect(await statuses(revokedLater.bearer_token)).toEqual([200, 200]);
    expect(await statuses(madeLater.bearer_token)).toEqual([401, 401]);
    expect(await statuses(revokedBefore.bearer_token)).toEqual([401, 401]);
    const again = await admin.put(`/api/user-tokens/${revokedLater.id}`, { revoke: true });
    expect(await statuses(revokedLater.bearer_token)).toEqual([401, 401]);
    expect(again.body.receipt).toMatchObject({ confirmed: ['gw-1', 'gw-2'] });
  }, 120_000);
});

describe('Postgres’s clock', () => {
  it.each([60, -60])(
    'may step by %i seconds, and revocation is as true as before',
    async (seconds) => {
      const admin = stack.direct(0, stack.adminToken);
      await stepClock(seconds);
      try {
        const { id, bearer_token } = await makeServiceToken(admin);
        for (let round = 0; round < 3; round++) {
          const revoked = await admin.put(`/api/user-tokens/${id}`, { revoke: true });
          expect(await statuses(bearer_token)).toEqual([401, 401]);
          expect(revoked.body.receipt).toMatchObject({ confirmed: ['gw-1', 'gw-2'] });
          await admin.put(`/api/user-tokens/${id}`, { revoke: false });
          expect(await statuses(bearer_token)).toEqual([200, 200]);
        }
        // Frozen, a gateway is waited for by this service's own monotonic clock.
        stack.gateways[1]!.process.kill('SIGSTOP');
        const revoked = await admin.put(`/api/user-tokens/${id}`, { revoke: true });
        const asked = stack.client(1, bearer_token).get('/api/datastores');
        stack.gateways[1]!.process.kill('SIGCONT');
        expect(revoked.body.receipt).toMatchObject({ confirmed: ['gw-1'], expired: ['gw-2'] });
        expect([401, 503]).toContain((await asked).status);
      } finally {
        await stepClock(0);
      }
      await gatewaysReady();
    },
    60_000,
  );
});

/**
 * Steps the clock that the service sees: its role finds these functions before Postgres's own. Sessions that are there are ended,
 * so that all statements are planned anew.
 */
async function stepClock(seconds: number): Promise<void> {
  const { pool } = stack.database;
  await pool.query(`
    CREATE SCHEMA IF NOT EXISTS stepped;
    CREATE OR REPLACE FUNCTION stepped.now() RETURNS timestamptz LANGUAGE sql STABLE
      AS $$ SELECT pg_catalog.now() + interval '${seconds} seconds' $$;
    CREATE OR REPLACE FUNCTION stepped.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
      AS $$ SELECT pg_catalog.clock_timestamp() + interval '${seconds} seconds' $$;
    ALTER ROLE CURRENT_USER SET search_path = ${seconds === 0 ? 'public' : 'stepped, pg_catalog, public'}`);
  await pool.query(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()',
  );
  const admin = stack.direct(0, stack.adminToken);
  await waitUntil('the service has connected again', async () => (await admin.get('/api/users/me')).status === 200);
}

/** Postgres refuses a data folder that isn't its own. */
async function chownLike(from: string, to: string): Promise<void> {
  await runCommand('chown', ['-R', `--reference=${from}`, to], { timeoutMs: 10_000 });
  await runCommand('chmod', [`--reference=${from}`, to], { timeoutMs: 10_000 });
}
