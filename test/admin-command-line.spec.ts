import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { AdminCommand } from './harness/admin-command.ts';
import { makeServiceToken, uniqueName } from './harness/fixtures.ts';
import type { HttpClient, Json } from './harness/http-client.ts';
import { signIn } from './harness/session-client.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

let stack: Stack;
let admin: HttpClient;
let command: AdminCommand;
beforeAll(async () => {
  stack = await Stack.start();
  admin = stack.admin;
  command = await AdminCommand.for(stack);
});
afterAll(async () => {
  command?.stop();
  await stack.stop();
});

const settingsOf = async ({ dataDir }: Stack): Promise<Record<string, string>> =>
  JSON.parse(await readFile(join(dataDir, 'token-service.json'), 'utf8')) as Record<string, string>;

const auditOf = async (target: string): Promise<Json[]> =>
  (await admin.get(`/api/audit?target=${target}`)).body.items as Json[];

describe('the admin command line', () => {
  it('explains itself without an installation, and says plainly that it finds none', async () => {
    const help = await command.runAsProcess(['keys', 'retire', '--help'], { env: {} });
    expect([help.code, help.stdout]).toEqual([0, expect.stringContaining('--dry-run')]);
    const nowhere = await command.runAsProcess(['keys', 'list', '--data-dir', '/nonexistent'], { env: {} });
    expect([nowhere.code, nowhere.stdout]).toEqual([1, '']);
    expect(nowhere.stderr).toMatch(/can't be read.*\n.*npm start/);
    expect(nowhere.stderr).not.toContain('    at ');
  });

  it('makes an Admin who can sign in, and resets a password, which ends sessions; the trail says that it did', async () => {
    const password = randomBytes(12).toString('base64url');
    const email = `${randomBytes(4).toString('hex')}@example.com`;
    const args = ['--json', 'users', 'create-admin', email, '--password-stdin'];
    const made = await command.runAsProcess(args, { input: `${password}\n` });
    expect([made.code, made.stderr]).toEqual([0, '']);
    expect(made.stdout).not.toContain(password);
    const session = await signIn(admin.as(undefined), email, password);
    expect((await session.get('/api/users/me')).body).toMatchObject({ id: made.json.id, role: 'Admin' });
    const actor = { actor_id: null, actor_credential: 'command_line' };
    expect(await auditOf(`user/${made.json.id}`)).toContainEqual(
      expect.objectContaining({ action: 'user.created', ...actor }),
    );

    const reset = await command.json(['users', 'reset-password', email]);
    expect((await session.get('/api/users/me')).status).toBe(401);
    await signIn(admin.as(undefined), email, reset.json.password);
  });

  it('refuses bad input by the rules of the API, in one line', async () => {
    const calls: [string[], RegExp][] = [
      [['users', 'create-service', 'X', '--role', 'King'], /^role: must be one of/],
      [['users', 'create-admin', 'not-an-address'], /^email: /],
      [['users', 'reset-password', 'nobody@example.com'], /^There is no user/],
      [['tokens', 'create', 'admin', 'x'], /^Give --days/],
      [['tokens', 'revoke', 'seven'], /whole number/],
      [['events', 'list', '--since', '2026-11-22T05:54:03'], /a time with its zone/],
      [['events', 'list', '--since', '2026-13-22T05:54:03Z'], /a time with its zone/],
      [['keys', 'retire', '0123456789abcdef'], /^There is no signing key/],
    ];
    await Promise.all(
      calls.map(async ([args, message]) => {
        const { code, stdout, stderr } = await command.run(args);
        expect([code, stdout], args.join(' ')).toEqual([1, '']);
        expect(stderr).toMatch(message);
      }),
    );
  });

  it('says in one line that Postgres does not let it in, or has no tables, and shows nothing of settings that it cannot read', async () => {
    const settings = await settingsOf(stack);
    const url = (change: (url: URL) => void): Record<string, string> => {
      const changed = new URL(settings['DATABASE_URL']!);
      change(changed);
      return { ...settings, DATABASE_URL: changed.href };
    };
    const nobody = url((each) => (each.username = 'nobody-of-this-name'));
    const nowhere = url((each) => (each.pathname = '/nothing-of-this-name'));
    for (const env of [nobody, nowhere]) {
      const { code, stderr } = await command.run(['keys', 'list'], { env });
      expect([code, stderr]).toEqual([1, expect.stringMatching(/^Postgres \(DATABASE_URL\) can't be reached: .*\n$/)]);
    }
    const broken = join(stack.dataDir, 'broken');
    await mkdir(broken);
    await writeFile(join(broken, 'token-service.json'), '{"PORTCULLIS_MASTER_KEY": hunter2');
    const { stderr } = await command.run(['keys', 'list'], { env: { PORTCULLIS_DATA_DIR: broken } });
    expect(stderr).toMatch(/can't be read \(it is no JSON\)/);
    expect(stderr).not.toContain('hunter2');
  });

  it('makes a service user and a token that opens the gateway, and revokes it everywhere before it ends', async () => {
    const { json: user } = await command.json(['users', 'create-service', uniqueName('cli'), '--role', 'Editor']);
    const { json: token } = await command.json(['tokens', 'create', user.user_id, 'first', '--days', '7']);
    expect((await stack.client(0, token.bearer_token).get('/api/datastores')).status).toBe(200);
    const revoked = await command.runAsProcess(['--json', 'tokens', 'revoke', String(token.id)]);
    expect(revoked.json).toMatchObject({ status: 'Revoked', receipt: { confirmed: ['gw-1'] } });
    expect((await stack.client(0, token.bearer_token).get('/api/datastores')).status).toBe(401);
  });

  it('lists what was changed since a time from NATS alone, for whoever restores Postgres', async () => {
    const since = new Date().toISOString();
    const { id, bearer_token: token } = await makeServiceToken(admin);
    await stack.client(0, token).get('/api/datastores');
    await admin.put(`/api/user-tokens/${id}`, { revoke: true });
    const env = { ...(await settingsOf(stack)), DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing' };
    const list = (): Promise<Json> => command.json(['events', 'list', '--since', since], { env });
    const about = ({ json }: Json): Json[] => json.events.filter(({ subject }: Json) => subject === `token/${id}`);
    await waitUntil('both events are there', async () => about(await list()).length === 2);
    const listed = await list();
    expect([listed.code, listed.json.complete]).toEqual([0, true]);
    expect(about(listed).map(({ type }) => type as string)).toEqual(['TokenIssued', 'TokenRevoked']);
    const lines = (await command.run(['events', 'list', '--since', since], { env })).stdout;
    expect(lines).toMatch(new RegExp(`^\\d{4}-.*Z TokenRevoked token/${id}$`, 'm'));
    expect(lines).not.toContain('TokenUsed');
    const later = new Date(Date.now() + 3_600_000).toISOString();
    expect(await command.run(['events', 'list', '--since', later])).toMatchObject({ code: 0, stdout: 'None.\n' });
    const away = { ...env, NATS_URL: 'nats://127.0.0.1:1' };
    const unread = await command.run(['events', 'list', '--since', since], { env: away });
    expect([unread.code, unread.stdout, unread.stderr]).toEqual([1, '', expect.stringMatching(/^The events can't be read from NATS \(NATS_URL\): .*\n$/)]); // prettier-ignore
  });

  it('rotates and retires keys, saying how many tokens end', async () => {
    const { bearer_token: token } = await makeServiceToken(admin);
    const rotated = await command.json(['keys', 'rotate']);
    expect(rotated.json.receipt.confirmed).toEqual(['gw-1']);
    const { previous_kid: old } = rotated.json;
    expect((await makeServiceToken(admin)).bearer_token).toBeTruthy();
    const planned = await command.run(['keys', 'retire', old, '--dry-run']);
    expect(planned.stdout).toMatch(/^\d+ active tokens would end with the key/);
    expect((await stack.client(0, token).get('/api/datastores')).status).toBe(200);
    const list = await command.run(['keys', 'list']);
    expect(list.stdout).toMatch(new RegExp(`KID[^]*${rotated.json.kid} +EdDSA +signing[^]*${old} +EdDSA +verifying`));
  });

  it('doctor finds nothing wrong with an installation that is well, and names what is not', async () => {
    const well = await command.json(['doctor']);
    expect(well.json, well.stdout).toMatchObject({ ok: true });
    expect(well.code).toBe(0);
    const env = {
      DATABASE_URL: stack.database.url,
      NATS_URL: 'nats://127.0.0.1:1',
      PORTCULLIS_INTERNAL_SECRET: 'x'.repeat(32),
      PORTCULLIS_MASTER_KEY: Buffer.alloc(32, 9).toString('base64'),
    };
    const ill = await command.runAsProcess(['--json', 'doctor'], { env });
    expect(ill.code).toBe(1);
    const failed = ill.json.findings.filter(({ verdict }: Json) => verdict === 'fail');
    expect(failed.map(({ check }: Json) => check as string)).toEqual(['master key', 'nats']);
  });

  it('purges audit records past their retention, and no others', async () => {
    await stack.database.pool.query(`INSERT INTO audit (at, actor_credential, action, target)
      SELECT now() - days * interval '1 day', 'system', 'test.aged', 'test/1' FROM unnest(ARRAY[400, 366, 364, 1]) days`);
    expect((await command.json(['purge'])).json).toMatchObject({ audit: 2 });
    expect((await admin.get('/api/audit?action=test.aged')).body.total).toBe(2);
  });

  it('starts a new ledger epoch only when no token-service runs, and gives out no number that may have been given out before', async () => {
    expect((await command.run(['ledger', 'new-epoch'])).stderr).toMatch(/--yes/);
    const early = await command.run(['ledger', 'new-epoch', '--yes']);
    expect([early.code, early.stderr]).toEqual([1, expect.stringMatching(/still connected/)]);
    await stack.tokenServices[0]!.process.stop();
    const { rows: before } = await stack.database.pool.query(HIGHEST_IDS_SQL);
    const { json } = await command.json(['ledger', 'new-epoch', '--yes']);
    const from = Number(before[0].token) + 1;
    const lost = { from, to: expect.any(Number), missing: expect.any(Number) };
    expect(json).toEqual({ epoch: expect.any(String), void_tokens: lost, wait_ms: 11_000 });
    await stack.tokenServices[0]!.restart();
    const { rows } = await stack.database.pool.query('SELECT epoch FROM access_clock');
    expect(rows).toEqual([{ epoch: json.epoch }]);
    const { id, user } = await makeServiceToken(admin);
    expect(id).toBe(json.void_tokens.to + 1);
    expect(id - from).toBeGreaterThan(1_000_000);
    expect((await auditOf('ledger/1'))[0]!.after).toEqual({ epoch: json.epoch, void_tokens: json.void_tokens });
    expect(user.id - Number(before[0].user)).toBeGreaterThan(1_000_000);
  });
});

const HIGHEST_IDS_SQL = `
  SELECT (SELECT max(id) FROM tokens) AS token, (SELECT max(id) FROM users) AS "user"`;

/** On a connection of its own, which has the search path that the script sets. */
async function asApplication(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: stack.database.url });
  await client.connect();
  await client.query(sql).finally(() => client.end());
}

async function refuseAttacks(): Promise<void> {
  for (const attack of [
    'DELETE FROM audit',
    `UPDATE audit SET action = 'x'`,
    'TRUNCATE audit',
    'ALTER TABLE audit DISABLE TRIGGER ALL',
    'DROP TABLE audit',
    'DROP FUNCTION portcullis_audit.audit_is_append_only() CASCADE',
    'DROP SCHEMA portcullis_audit CASCADE',
  ]) {
    await expect(asApplication(attack), attack).rejects.toThrow(/permission denied|must be owner/);
  }
}

describe('deploy/audit-roles.sql', () => {
  it('leaves the application able to add and read records alone, and the purge to another role, also once more after a restore', async () => {
    const purgePassword = randomBytes(12).toString('hex');
    const script = await readFile(join(import.meta.dirname, '../deploy/audit-roles.sql'), 'utf8');
    const database = new URL(stack.database.url).username; // the role that owns it is called like it
    const values = { ":'purge_password'": `'${purgePassword}'`, ':"app"': database, ':"DBNAME"': database };
    let sql = script.replace(/^\\set.*$/m, '');
    for (const [name, value] of Object.entries(values)) sql = sql.replaceAll(name, value);
    const url = new URL(inject('postgresUrl'));
    url.pathname = new URL(stack.database.url).pathname;
    const superuser = new pg.Client({ connectionString: url.href });
    await superuser.connect();
    try {
      await superuser.query(sql);
      await refuseAttacks();
      await asApplication('SELECT last_value FROM portcullis_audit.audit_id_seq'); // as pg_dump does

      // What pg_restore without owners leaves.
      await superuser.query(`ALTER SCHEMA portcullis_audit OWNER TO "${database}"; ALTER TABLE portcullis_audit.audit OWNER TO "${database}";
        ALTER FUNCTION portcullis_audit.audit_is_append_only() OWNER TO "${database}"; ALTER ROLE "${database}" IN DATABASE "${database}" RESET ALL`);
      const create = ['users', 'create-service', uniqueName('after'), '--role', 'Member'];
      expect((await command.run(create)).stderr).toMatch(
        /^The audit trail is nowhere where this role looks. Run .*\n$/,
      );
      const { findings } = (await command.json(['doctor'])).json;
      expect(findings).toContainEqual(expect.objectContaining({ check: 'audit trail', verdict: 'fail' }));
      await superuser.query(sql);
      await refuseAttacks();
      expect((await command.json(create)).code).toBe(0);

      await asApplication(`INSERT INTO audit (at, actor_credential, action, target)
        VALUES (now() - interval '400 days', 'system', 'test.old', 'test/1')`);
      expect((await command.run(['purge'])).stderr).toMatch(/permission denied/);
      const purgeUrl = new URL(stack.database.url);
      purgeUrl.username = 'portcullis_audit_purge';
      purgeUrl.password = purgePassword;
      const env = { ...(await settingsOf(stack)), PORTCULLIS_AUDIT_PURGE_URL: purgeUrl.href };
      const purged = await command.json(['purge'], { env });
      expect(purged.json, purged.stderr).toMatchObject({ audit: 1 });
    } finally {
      // Roles belong to the whole server: they must not stay when this database goes.
      await superuser.query(`REASSIGN OWNED BY portcullis_audit_owner TO CURRENT_USER; DROP OWNED BY portcullis_audit_purge;
        DROP ROLE IF EXISTS portcullis_audit_owner, portcullis_audit_purge`);
      await superuser.end();
    }
  });
});
