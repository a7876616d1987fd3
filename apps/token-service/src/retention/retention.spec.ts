import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AccessFeed } from '../access/access-feed.js';
import { AccessLedger } from '../access/access-ledger.js';
import { AuditPurge } from '../audit/audit-purge.js';
import type { OutboxRelay } from '../events/outbox-relay.js';
import { insertToken, type Services, startServices } from '../events/testing/services.js';
import { ExpiredTokens } from './expired-tokens.js';
import { PurgeSession } from './purge-session.js';
import { inWords, Retention } from './retention.js';

const DAY_MS = 86_400_000;
const MANY = 1_000;
const daysAgo = (days: number): Date => new Date(Date.now() - days * DAY_MS);

let services: Services;
beforeAll(async () => {
  services = await startServices();
});
afterAll(() => services.stop());
beforeEach(async () => {
  await services.dataSource.query('DROP TABLE IF EXISTS deletions');
  await services.dataSource.query(
    'TRUNCATE outbox, usage_batches, gateway_leases, sessions, sign_in_limits, sign_in_addresses, access_entries, users CASCADE',
  );
});

const sql = <Row = Record<string, unknown>>(text: string, values: unknown[] = []): Promise<Row[]> =>
  services.dataSource.query<Row[]>(text, values);

/** `settings`: of the days that things are kept. */
function retention(settings: { expiredTokenDays?: number | undefined; auditPurgeUrl?: string } = {}): Retention {
  const config = {
    databaseUrl: services.postgres.url,
    auditDays: 365,
    expiredTokenDays: 90,
    auditPurgeUrl: undefined,
    ...settings,
  };
  const feed = { publishChange: () => {} } as unknown as AccessFeed;
  const ledger = new AccessLedger(services.dataSource, feed, { nudge: () => {} } as unknown as OutboxRelay);
  return new Retention(config, new ExpiredTokens(services.dataSource, ledger, config), new AuditPurge(config));
}

const insertPublished = (count: number): Promise<unknown> =>
  sql(
    `INSERT INTO outbox (event_id, subject, payload, published_at)
     SELECT gen_random_uuid(), 'x', '{}', now() - interval '25 hours' FROM generate_series(1, $1)`,
    [count],
  );

const waiting = async (table: string): Promise<number> =>
  (await sql<{ count: number }>(`SELECT count(*) FROM ${table}`))[0]!.count;

describe('a run', () => {
  it('deletes what is past its time in each table, and nothing else', async () => {
    const token = await insertToken(services.dataSource, 'used');
    const [{ user_id: user }] = (await sql<{ user_id: number }>('SELECT user_id FROM tokens')) as [{ user_id: number }];
    await sql(`INSERT INTO outbox (event_id, subject, payload, published_at) VALUES
      (gen_random_uuid(), 'old', '{}', now() - interval '25 hours'), (gen_random_uuid(), 'young', '{}', now())`);
    await sql(`INSERT INTO outbox (event_id, subject, payload, created_at)
      VALUES (gen_random_uuid(), 'unpublished', '{}', now() - interval '40 days')`);
    await sql(
      `INSERT INTO usage_batches VALUES (gen_random_uuid(), now() - interval '25 hours'), (gen_random_uuid(), now())`,
    );
    await sql(`INSERT INTO gateway_leases (lease_id, instance, worker, wrapped_lease_key, lease_ms, when_stale, released_at, fenced_at)
      VALUES ('a', 'g', 0, '', 1, 'deny', now() - interval '8 days', NULL), ('b', 'g', 0, '', 1, 'deny', NULL, now() - interval '8 days'),
        ('c', 'g', 0, '', 1, 'deny', now(), NULL), ('d', 'g', 0, '', 1, 'deny', NULL, NULL)`);
    await sql(`INSERT INTO token_usage_hourly (token_id, hour, count, last_used, last_ip)
      SELECT $1, now() - days * interval '1 day', 1, now(), '::1' FROM unnest(ARRAY[91, 89]) days`, [token]); // prettier-ignore
    await sql(`INSERT INTO sessions (user_id, secret_hash, last_seen_at, expires_at) VALUES
      ($1, 'a', now(), now() - interval '1 minute'), ($1, 'b', now() - interval '25 hours', now() + interval '1 day'),
      ($1, 'c', now(), now() + interval '1 day')`, [user]); // prettier-ignore
    await sql(`INSERT INTO cli_codes (code_hash, session_id, code_challenge, hostname, expires_at)
      SELECT expires::text::bytea, id, 'x', 'x', now() + expires * interval '1 minute' FROM sessions, unnest(ARRAY[-1, 1]) expires
      WHERE secret_hash = 'c'`);
    await sql(
      `INSERT INTO sign_in_limits VALUES (1, 1, now() - interval '1 minute'), (1, 2, now() + interval '1 minute')`,
    );
    await sql(`INSERT INTO sign_in_addresses VALUES ($1, 'a', now() - interval '91 days'), ($1, 'b', now())`, [user]);
    await sql(`INSERT INTO audit (at, actor_credential, action, target)
      SELECT now() - days * interval '1 day', 'system', 'test.aged', 'test/1' FROM unnest(ARRAY[366, 364]) days`);

    const { deleted, failures } = (await retention().run(MANY))!;
    expect(failures).toEqual([]);
    expect(deleted).toEqual({
      published_events: 1,
      usage_batches: 1,
      gateway_leases: 2,
      hourly_usage: 1,
      sessions: 2,
      cli_codes: 1,
      sign_in_limits: 1,
      sign_in_addresses: 1,
      expired_tokens: 0,
      ledger_entries: 0,
      audit: 1,
    });
    expect(await sql('SELECT subject FROM outbox ORDER BY subject')).toEqual([
      { subject: 'unpublished' },
      { subject: 'young' },
    ]);
    expect(inWords(deleted)).toMatch(/^1 published events, .*, 1 audit$/);
    expect(inWords((await retention().run(MANY))!.deleted)).toBe('');
  });

  it('deletes in batches of a bounded size, and leaves what is too much for one run to the next', async () => {
    await sql('CREATE TABLE deletions (at timestamptz, count integer)');
    await sql(`CREATE OR REPLACE FUNCTION note_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN INSERT INTO deletions SELECT clock_timestamp(), count(*) FROM old_rows; RETURN NULL; END $$`);
    await sql(`CREATE TRIGGER noted AFTER DELETE ON outbox REFERENCING OLD TABLE AS old_rows
      FOR EACH STATEMENT EXECUTE FUNCTION note_deletion()`);
    await insertPublished(5_000);
    expect((await retention().run(2))!.deleted['published_events']).toBe(4_000);
    expect((await retention().run(2))!.deleted['published_events']).toBe(1_000);
    const counts = await sql<{ count: number }>('SELECT count FROM deletions ORDER BY at');
    expect(counts.map(({ count }) => count)).toEqual([2_000, 2_000, 1_000]);
    await sql('DROP TRIGGER noted ON outbox');
  });

  it('is one at a time: another waits for its turn, and none is lost when its holder is gone', async () => {
    await insertPublished(10);
    const held = await PurgeSession.open(services.postgres.url);
    expect(await retention().run(MANY)).toBeUndefined();
    await sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'portcullis-retention'`);
    await expect(held!.assertHeld()).rejects.toThrow(/terminat|connection/i);
    await expect(held!.execute('DELETE FROM outbox', [])).rejects.toThrow(/not queryable|connection|ECONNRESET|EPIPE/i);
    expect((await retention().run(MANY))!.deleted['published_events']).toBe(10);
  });

  it('of two that begin at once, deletes everything once', async () => {
    await insertPublished(20_000);
    for (let n = 0; n < 120; n += 1) await insertExpired(`old ${n}`, 100);
    const reports = await Promise.all([1, 2, 3].map(() => retention().run(MANY)));
    const total = (kind: string): number => reports.reduce((sum, report) => sum + (report?.deleted[kind] ?? 0), 0);
    expect([total('published_events'), total('expired_tokens')]).toEqual([20_000, 120]);
    const events = await sql<{ subject: string }>(`SELECT payload::json ->> 'subject' AS subject FROM outbox`);
    expect(new Set(events.map(({ subject }) => subject)).size).toBe(120);
    expect(events.length).toBe(120);
  });

  it('goes on with the others when one kind fails', async () => {
    await insertPublished(3);
    const url = new URL(services.postgres.url);
    url.pathname = 'no_such_database';
    const { deleted, failures } = (await retention({ auditPurgeUrl: url.href }).run(MANY))!;
    expect(deleted['published_events']).toBe(3);
    expect(failures).toEqual([{ kind: 'audit', error: expect.objectContaining({ code: '3D000' }) }]);
  });
});

/** A token whose time passed so many days ago, and of which that was told. */
async function insertExpired(name: string, days: number, columns = 'expired_event_at = now()'): Promise<number> {
  const id = await insertToken(services.dataSource, name, daysAgo(days));
  await sql(`UPDATE tokens SET ${columns} WHERE id = $1`, [id]);
  return id;
}

describe('expired tokens', () => {
  it('go when their time passed long enough ago, revoked or not, as if the system had deleted them', async () => {
    const old = await insertExpired('old', 91);
    const revoked = await insertExpired('revoked', 91, 'revoked_at = expires_at');
    await insertExpired('young', 89);
    await insertExpired('not told yet', 91, 'expired_event_at = NULL');
    const running = await insertToken(services.dataSource, 'running', new Date(Date.now() + DAY_MS));
    await sql('UPDATE tokens SET revoked_at = now() WHERE id = $1', [running]);
    await insertToken(services.dataSource, 'never', null);

    expect((await retention().run(MANY))!.deleted['expired_tokens']).toBe(2);
    const kept = await sql<{ name: string }>('SELECT name FROM tokens ORDER BY name');
    expect(kept.map(({ name }) => name)).toEqual(['never', 'not told yet', 'running', 'young']);

    const events = (await sql<{ payload: string }>('SELECT payload FROM outbox ORDER BY id')).map(
      ({ payload }) => JSON.parse(payload) as { type: string; subject: string; accessseq: number; data: object },
    );
    const [{ seq }] = (await sql<{ seq: number }>('SELECT seq FROM access_clock')) as [{ seq: number }];
    expect(events).toMatchObject(
      [old, revoked].map((id) => ({
        type: 'TokenDeleted',
        subject: `token/${id}`,
        accessseq: seq,
        data: { actor: { user_id: null, token_id: 'system' }, token: { id } },
      })),
    );
    const audit = await sql('SELECT actor_credential, action FROM audit WHERE target = $1', [`token/${old}`]);
    expect(audit).toEqual([{ actor_credential: 'system', action: 'token.deleted' }]);
    const entries = await sql(`SELECT id, value, drop_after > now() AS kept FROM access_entries ORDER BY seq`);
    expect(entries).toEqual([old, revoked].map((id) => ({ id: String(id), value: 'deleted', kept: true })));
  });

  it('stay for ever when that is asked for', async () => {
    await insertExpired('old', 3_000);
    expect((await retention({ expiredTokenDays: undefined }).run(MANY))!.deleted['expired_tokens']).toBe(0);
    expect(await waiting('tokens')).toBe(1);
  });

  it('go fifty at a time, so that other changes of access take their turn in between', async () => {
    for (let n = 0; n < 120; n += 1) await insertExpired(`old ${n}`, 100);
    expect((await retention().run(1))!.deleted['expired_tokens']).toBe(50);
    expect((await retention().run(MANY))!.deleted['expired_tokens']).toBe(70);
  });
});

describe('entries of the ledger that nothing could use any more', () => {
  it('are dropped, and the ledger says up to where', async () => {
    const insert = (id: string, seq: number, days: number | null): Promise<unknown> =>
      sql(`INSERT INTO access_entries VALUES ('token', $1, $2, '"revoked"', now() - $3 * interval '1 day')`, [id, seq, days]); // prettier-ignore
    await insert('1', 5, 1);
    await insert('2', 9, 2);
    await insert('3', 11, -1);
    await insert('4', 7, null);
    await sql(`UPDATE access_clock SET seq = 11, compacted_seq = 0, epoch = $1`, [randomUUID()]);
    expect((await retention().run(MANY))!.deleted['ledger_entries']).toBe(2);
    expect(await sql('SELECT seq, compacted_seq FROM access_clock')).toEqual([{ seq: 11, compacted_seq: 9 }]);
    expect(await sql('SELECT id FROM access_entries ORDER BY id')).toEqual([{ id: '3' }, { id: '4' }]);
    expect((await retention().run(MANY))!.deleted['ledger_entries']).toBe(0);
    expect(await sql('SELECT compacted_seq FROM access_clock')).toEqual([{ compacted_seq: 9 }]);
  });
});
