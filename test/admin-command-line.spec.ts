import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { AdminCommand } from './harness/admin-command.ts';
import { makeServiceToken, uniqueName } from './harness/fixtures.ts';
import type { HttpClient, Json } from './harness/http-client.ts';
import { signIn } from './harness/session-client.ts';
import { Stack } from './harness/stack.ts';

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

  it('makes a service user and a token that opens the gateway, and revokes it everywhere before it ends', async () => {
    const { json: user } = await command.json(['users', 'create-service', uniqueName('cli'), '--role', 'Editor']);
    const { json: token } = await command.json(['tokens', 'create', user.user_id, 'first', '--days', '7']);
    expect((await stack.client(0, token.bearer_token).get('/api/datastores')).status).toBe(200);
    const revoked = await command.runAsProcess(['--json', 'tokens', 'revoke', String(token.id)]);
    expect(revoked.json).toMatchObject({ status: 'Revoked', receipt: { confirmed: ['gw-1'] } });
    expect((await stack.client(0, token.bearer_token).get('/api/datastores')).status).toBe(401);
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

describe('deploy/audit-roles.sql', () => {
  it('leaves the application able to add and read records alone, and the purge to another role', async () => {
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
      expect((await command.json(['users', 'create-service', uniqueName('after'), '--role', 'Member'])).code).toBe(0);

      await asApplication(`INSERT INTO audit (at, actor_credential, action, target)
        VALUES (now() - interval '400 days', 'system', 'test.old', 'test/1')`);
      expect((await command.run(['purge'])).stderr).toMatch(/permission denied/);
      const purgeUrl = new URL(stack.database.url);
      purgeUrl.username = 'portcullis_audit_purge';
      purgeUrl.password = purgePassword;
      const settings = JSON.parse(await readFile(join(stack.dataDir, 'token-service.json'), 'utf8')) as Record<
        string,
        string
      >;
      const purged = await command.json(['purge'], { env: { ...settings, PORTCULLIS_AUDIT_PURGE_URL: purgeUrl.href } });
      expect(purged.json, purged.stderr).toMatchObject({ audit: 1 });
    } finally {
      // Roles belong to the whole server: they must not stay when this database goes.
      await superuser.query(`REASSIGN OWNED BY portcullis_audit_owner TO CURRENT_USER; DROP OWNED BY portcullis_audit_purge;
        DROP ROLE IF EXISTS portcullis_audit_owner, portcullis_audit_purge`);
      await superuser.end();
    }
  });
});
