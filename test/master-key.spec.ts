import { createCipheriv, createHmac, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { AdminCommand, type CommandResult } from './harness/admin-command.ts';
import { makeServiceToken, makeServiceUser, makeToken, uniqueName } from './harness/fixtures.ts';
import type { HttpClient, Json } from './harness/http-client.ts';
import { MASTER_KEY, Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

const CALL_PAUSE_MS = 100;
const OLD = MASTER_KEY;
const NEW = Buffer.alloc(32, 8).toString('base64');

const idOf = (key: string): string =>
  createHmac('sha256', Buffer.from(key, 'base64')).update('portcullis master key id').digest('hex').slice(0, 16);

let stack: Stack;
let admin: HttpClient;
let command: AdminCommand;
beforeAll(async () => {
  stack = await Stack.start({ tokenServices: 2, gateways: 2 });
  admin = stack.admin;
  command = await AdminCommand.for(stack);
});
afterAll(async () => {
  command.stop();
  await stack.stop();
});

/** Runs a command with these master keys, the first of which wraps. */
function withKeys(keys: string, args: readonly string[]): Promise<CommandResult> {
  return command.runAsProcess(['--json', ...args], { masterKey: keys });
}

async function countsByKey(): Promise<Record<string, number>> {
  const { rows } = await stack.database.pool.query<{ id: string; count: number }>(`
    SELECT coalesce(master_key_id, 'unnamed') AS id, count(*) FROM (SELECT master_key_id FROM secrets
      UNION ALL SELECT master_key_id FROM signing_keys UNION ALL SELECT master_key_id FROM gateway_leases) wrapped
    GROUP BY 1`);
  return Object.fromEntries(rows.map(({ id, count }) => [id, count]));
}

const masterKeyFinding = ({ json }: CommandResult): Json =>
  json.findings.find(({ check }: Json) => check === 'master key');

/** A token made by this token-service, let in by the gateway. */
async function expectToWork(tokenService: number): Promise<void> {
  const { bearer_token: token } = await makeServiceToken(stack.direct(tokenService, stack.adminToken));
  expect((await stack.client(0, token).get('/api/datastores')).status).toBe(200);
}

/** Calls of a guarded API, one after the other, that go on while something is restarted. */
function guardedCalls(token: string): { stop: () => Promise<Set<number>> } {
  const statuses = new Set<number>();
  const stopping = new AbortController();
  onTestFinished(() => stopping.abort());
  const running = (async () => {
    while (!stopping.signal.aborted) {
      statuses.add((await stack.client(0, token).get('/api/datastores')).status);
      await sleep(CALL_PAUSE_MS);
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await running;
      return statuses;
    },
  };
}

async function restartBoth(keys: string): Promise<void> {
  for (const service of stack.tokenServices) await service.restart({ PORTCULLIS_MASTER_KEY: keys });
}

/** Leases that have ended, with a key each that this master key wraps. */
async function insertLeases(count: number, masterKey: string): Promise<void> {
  const leases = Array.from({ length: count }, () => `ended:${randomBytes(9).toString('base64url')}`);
  const keys = leases.map((lease) => {
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', Buffer.from(masterKey, 'base64'), iv).setAAD(Buffer.from(`lease:${lease}`)); // prettier-ignore
    const ciphertext = Buffer.concat([cipher.update(randomBytes(32)), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), ciphertext]);
  });
  await stack.database.pool.query(
    `INSERT INTO gateway_leases (lease_id, instance, worker, wrapped_lease_key, lease_ms, when_stale, released_at)
     SELECT lease, 'ended', 0, key, 1000, 'deny', now() FROM unnest($1::text[], $2::bytea[]) AS ended (lease, key)`,
    [leases, keys],
  );
}

describe('the replacement of the master key', () => {
  it(
    'goes in steps, at each of which every token-service works and no request is refused',
    { timeout: 400_000 },
    async () => {
      const { id } = await makeServiceToken(admin);
      const load = guardedCalls((await makeServiceToken(admin)).bearer_token);

      await restartBoth(`${OLD},${NEW}`);
      await expectToWork(0);
      const early = await withKeys(`${NEW},${OLD}`, ['keys', 'rewrap']);
      expect(early.json).toMatchObject({
        previous_removable: false,
        others: [{ master_key_id: idOf(OLD), sessions: expect.any(Number) }],
      });
      await expectToWork(1);

      await stack.tokenServices[0]!.restart({ PORTCULLIS_MASTER_KEY: `${NEW},${OLD}` });
      await admin.post('/api/keys/rotate', {}); // by either: the other opens what this one wrapped
      for (const service of [0, 1]) await expectToWork(service);
      await stack.tokenServices[1]!.restart({ PORTCULLIS_MASTER_KEY: `${NEW},${OLD}` });
      await stack.gateways[1]!.restart(); // it gets a key of its own

      const rewrapped = await Promise.all([1, 2].map(() => withKeys(`${NEW},${OLD}`, ['keys', 'rewrap'])));
      for (const { json, stderr } of rewrapped) expect(json, stderr).toMatchObject({ previous_removable: true });
      expect(Object.keys(await countsByKey())).toEqual([idOf(NEW)]);
      expect(masterKeyFinding(await withKeys(NEW, ['doctor']))).toMatchObject({ verdict: 'ok' });

      await restartBoth(NEW);
      for (const service of [0, 1]) await expectToWork(service);
      expect(await load.stop()).toEqual(new Set([200]));
      const revoked = await admin.put(`/api/user-tokens/${id}`, { revoke: true });
      expect(revoked.body.receipt.confirmed).toEqual(['gw-1', 'gw-2']);
      const { items } = (await admin.get(`/api/audit?action=master_key.rewrapped&target=master_key/${idOf(NEW)}`)).body;
      expect(items).toContainEqual(
        expect.objectContaining({ actor_credential: 'command_line', before: { master_keys: [idOf(OLD)] } }),
      );
    },
  );

  it('killed half-way, goes on where it stopped; two at once wrap each key once', { timeout: 240_000 }, async () => {
    await insertLeases(6_000, NEW);
    const killed = command.start(['keys', 'rewrap'], { masterKey: `${OLD},${NEW}` });
    await waitUntil('some are wrapped anew', async () => ((await countsByKey())[idOf(OLD)] ?? 0) > 200);
    killed.kill('SIGKILL');
    await waitUntil('Postgres has ended its session', async () => {
      const { rows } = await stack.database.pool.query(
        `SELECT FROM pg_stat_activity WHERE application_name = 'portcullis-admin' AND datname = current_database()`,
      );
      return rows.length === 0;
    });
    const total = Object.values(await countsByKey()).reduce((sum, count) => sum + count, 0);
    const done = (await countsByKey())[idOf(OLD)]!;
    expect(done).toBeLessThan(total);

    const both = await Promise.all([1, 2].map(() => withKeys(`${OLD},${NEW}`, ['keys', 'rewrap'])));
    const counts = both.flatMap(({ json }) => Object.values(json.rewrapped as Record<string, number>));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(total - done);
    expect(await countsByKey()).toEqual({ [idOf(OLD)]: total });
    const { rows } = await stack.database.pool.query<{ count: number }>(
      `SELECT sum(value::bigint)::bigint AS count FROM audit, jsonb_each_text(after)
       WHERE action = 'master_key.rewrapped' AND target = $1`,
      [`master_key/${idOf(OLD)}`],
    );
    expect(rows[0]!.count).toBe(total);

    // The token-services wrap with the other one all the time: they are told of, and nothing is lost by it.
    expect(both[0]!.json).toMatchObject({ previous_removable: false, others: [{ master_key_id: idOf(NEW) }] });
    const again = await command.run(['keys', 'rewrap'], { masterKey: `${NEW},${OLD}` });
    expect(again.stdout).toMatch(new RegExp(`needs no other key than ${idOf(NEW)} now`));
    const still = await command.run(['keys', 'rewrap'], { masterKey: NEW });
    expect(still.stdout).toMatch(/^Everything is wrapped with the master key/);
  });
});

describe('a token-service that lacks a master key', () => {
  it('signs nothing with what it can not open, says which key it needs, and is not ready', async () => {
    const [both, behind] = stack.tokenServices;
    await both!.restart({ PORTCULLIS_MASTER_KEY: `${OLD},${NEW}` });
    const user = await makeServiceUser(admin);
    const direct = stack.direct(1, stack.adminToken);
    expect((await stack.direct(0, stack.adminToken).post('/api/keys/rotate', {})).status).toBe(200);
    const refused = await direct.post('/api/user-tokens', {
      name: uniqueName('token'),
      user_id: user.id,
      expires_in_days: 1,
    });
    expect([refused.status, refused.body.code]).toEqual([503, 'master_key_missing']);
    expect(refused.text).not.toContain(idOf(OLD));
    const { rows } = await stack.database.pool.query('SELECT FROM tokens WHERE user_id = $1', [user.id]);
    expect(rows).toEqual([]);
    expect(behind!.log()).toContain(`needs the master key ${idOf(OLD)}`);
    expect(await direct.get('/readyz')).toMatchObject({
      status: 503,
      body: { details: { signing_key: { status: 'down', message: expect.stringContaining('lacks') } } },
    });
    const works = await makeToken(stack.direct(0, stack.adminToken), { user_id: user.id });
    expect((await stack.client(0, works.bearer_token).get('/api/datastores')).status).toBe(200);
  });

  it('does not start, and says so in one line', async () => {
    const behind = stack.tokenServices[1]!;
    const before = behind.log().length;
    await expect(behind.restart()).rejects.toThrow('exit code 1');
    const said = behind.log().slice(before).trim();
    expect(said).toMatch(new RegExp(`"msg":"The master key does not fit.*${idOf(OLD)}.*PORTCULLIS_MASTER_KEY holds ${idOf(NEW)}`)); // prettier-ignore
    expect(said).not.toContain('    at ');
    await behind.restart({ PORTCULLIS_MASTER_KEY: `${OLD},${NEW}` });
    await expectToWork(1);
  });
});
