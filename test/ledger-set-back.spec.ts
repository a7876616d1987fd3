import { cp, rm } from 'node:fs/promises';
import { type CreatedTokenDto, INTERNAL_SECRET_HEADER } from '@portcullis/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../scripts/stack/run-command.ts';
import { AdminCommand } from './harness/admin-command.ts';
import { makeServiceToken, makeToken } from './harness/fixtures.ts';
import { INTERNAL_SECRET, Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

let stack: Stack;
let command: AdminCommand;
beforeAll(async () => {
  stack = await Stack.start({ ownPostgres: true, gateways: 2, tokenServiceEnv: { PORTCULLIS_LEASE_MS: '3000' } });
  command = await AdminCommand.for(stack);
});
afterAll(async () => {
  command?.stop();
  await stack.stop();
});

const statuses = (token: string): Promise<number[]> =>
  Promise.all([0, 1].map(async (i) => (await stack.client(i, token).get('/api/datastores')).status));

async function eventually(token: string, status: number): Promise<void> {
  await waitUntil(
    `all gateways answer ${status}`,
    async () => (await statuses(token)).every((each) => each === status),
    30_000,
  );
}

/** All gateways hold a lease, or none does. */
async function gatewaysAnswer(status: 200 | 503): Promise<void> {
  await waitUntil(
    `all gateways answer ${status}`,
    async () =>
      (await Promise.all([0, 1].map((i) => stack.client(i).get('/readyz')))).every((each) => each.status === status),
    30_000,
  );
}

describe('a Postgres that is restored from an older backup', () => {
  it('is followed whole by every gateway once the ledger has a new epoch, and never mixed with what they knew', async () => {
    const admin = stack.direct(0, stack.adminToken);
    const [revokedLater, revokedBefore] = [await makeServiceToken(admin), await makeServiceToken(admin)];
    await admin.put(`/api/user-tokens/${revokedBefore.id}`, { revoke: true });
    const backup = await backUp();

    // What the backup doesn't know: a revocation, and more people than it has numbers for.
    await admin.put(`/api/user-tokens/${revokedLater.id}`, { revoke: true });
    const madeLater = await makeServiceToken(admin);
    await eventually(madeLater.bearer_token, 200);
    await eventually(revokedLater.bearer_token, 401);

    await restore(backup);
    await beginEpoch();
    expect(await statuses(revokedLater.bearer_token)).toEqual([200, 200]);
    expect(await statuses(madeLater.bearer_token)).toEqual([401, 401]);
    expect(await statuses(revokedBefore.bearer_token)).toEqual([401, 401]);
    const again = await admin.put(`/api/user-tokens/${revokedLater.id}`, { revoke: true });
    expect(await statuses(revokedLater.bearer_token)).toEqual([401, 401]);
    const { confirmed, expired } = again.body.receipt;
    // expired: a lease of it that only the backup knows was waited for, from before it registered again
    expect([...confirmed, ...expired].toSorted()).toEqual(['gw-1', 'gw-2']);
  }, 240_000);

  it('admits no token that it doesn’t know, at any gateway and for good, while its users and their other tokens go on', async () => {
    const admin = stack.direct(0, stack.adminToken);
    const uncommitted = await makeServiceToken(admin);
    const known = await makeServiceToken(admin);
    const backup = await backUp();
    const lost = await makeToken(admin, { user_id: known.user.id });
    await eventually(lost.bearer_token, 200);

    await restore(backup);
    // As if it had been committed right after the backup, behind a token with a higher number.
    await stack.database.pool.query('DELETE FROM tokens WHERE id = $1', [uncommitted.id]);
    // A restore to a point in time leaves the sequence 32 numbers ahead.
    await stack.database.pool.query(`SELECT setval(pg_get_serial_sequence('tokens', 'id'), $1)`, [known.id + 32]);
    const first = await beginEpoch();
    expect(first.from).toBe(known.id + 1);
    await expectRefused(lost);
    await expectRefused(uncommitted);
    expect(await statuses(known.bearer_token)).toEqual([200, 200]);
    const issuedSince = await makeToken(admin, { user_id: known.user.id });
    expect(issuedSince.id).toBe(first.to + 1);
    expect(await statuses(issuedSince.bearer_token)).toEqual([200, 200]);

    expect((await command.json(['purge'])).code).toBe(0);
    await stack.tokenServices[0]!.process.stop();
    const second = await beginEpoch();
    expect(second).toEqual({ from: issuedSince.id + 1, to: expect.any(Number), missing: 0 });
    await expectRefused(lost);
    await expectRefused(uncommitted);
    expect(await statuses(issuedSince.bearer_token)).toEqual([200, 200]);
  }, 240_000);
});

/** Stops Postgres for a copy of its data folder. @returns the copy */
async function backUp(): Promise<string> {
  await stack.postgres!.stop();
  const { clusterDir } = stack.postgres!;
  const backup = `${clusterDir}.backup`;
  await copyFolder(clusterDir, backup);
  await stack.startPostgres();
  const admin = stack.direct(0, stack.adminToken);
  await waitUntil('the service is back', async () => (await admin.get('/api/users/me')).status === 200);
  return backup;
}

/** Stops the token-service, and leaves Postgres as it was. */
async function restore(backup: string): Promise<void> {
  const { clusterDir } = stack.postgres!;
  await stack.tokenServices[0]!.process.stop();
  await stack.postgres!.stop();
  await rm(clusterDir, { recursive: true });
  await copyFolder(backup, clusterDir);
  await rm(backup, { recursive: true });
  await stack.startPostgres();
}

/** As docs/backup-and-restore.md has it, from a stopped token-service to gateways that are ready. @returns what is void */
async function beginEpoch(): Promise<{ from: number; to: number; missing: number }> {
  const { json, stderr } = await command.json(['ledger', 'new-epoch', '--yes']);
  expect(stderr).toBe('');
  await gatewaysAnswer(503); // leases that the restored database doesn't know have run out
  await stack.tokenServices[0]!.restart();
  await gatewaysAnswer(200); // till then each request is introspected
  return json.void_tokens;
}

/** By every gateway, by the token-service, and by it for a gateway whose lease is over. */
async function expectRefused({ id, user, bearer_token: token }: CreatedTokenDto): Promise<void> {
  for (const gateway of [0, 1]) {
    const answer = await stack.client(gateway, token).get('/api/datastores');
    expect([answer.status, answer.body.detail]).toEqual([401, 'The token no longer exists']);
  }
  expect((await stack.direct(0, token).get('/api/users/me')).status).toBe(401);
  const introspected = await fetch(`${stack.tokenServices[0]!.internalUrl}/internal/access/introspect`, {
    method: 'POST',
    headers: { [INTERNAL_SECRET_HEADER]: INTERNAL_SECRET, 'content-type': 'application/json' },
    body: JSON.stringify({ token_id: id, user_id: user.id }),
  });
  expect(await introspected.json()).toMatchObject({ active: false });
}

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
        const { confirmed, expired, pending = [] } = revoked.body.receipt;
        expect(confirmed).toEqual(['gw-1']);
        expect([...expired, ...pending]).toEqual(['gw-2']); // pending: a renewal that it had sent came after the commit
        expect([401, 503]).toContain((await asked).status);
      } finally {
        await stepClock(0);
      }
      await gatewaysAnswer(200);
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

/** With the owner and the rights, since Postgres refuses a data folder that isn't its own. */
async function copyFolder(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true, preserveTimestamps: true });
  await runCommand('chown', ['-R', `--reference=${from}`, to], { timeoutMs: 10_000 });
  await runCommand('chmod', [`--reference=${from}`, to], { timeoutMs: 10_000 });
}
