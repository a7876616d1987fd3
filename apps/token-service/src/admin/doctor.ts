import type { NatsConnection } from '@nats-io/transport-node';
import { jetstreamManager } from '@nats-io/jetstream';
import { EVENTS_STREAM, USAGE_STREAM } from '@portcullis/contracts';
import type { Client } from 'pg';
import type { TokenServiceConfig } from '../config.js';
import { MIGRATIONS } from '../database/data-source.js';
import { encryptingServices } from '../keys/encrypting-services.js';
import { MasterKeys } from '../keys/master-keys.js';
import { WRAPPED_KEY_TABLES } from '../keys/wrapped-keys.js';
import { AUDIT_ROLES_AGAIN, NATS_TIMEOUT_MS, NOWHERE, usingDatabase, usingNats } from './installation.js';

export interface Finding {
  check: string;
  verdict: 'ok' | 'warn' | 'fail';
  detail: string;
  /** What to do about it. */
  advice?: string;
}

const CLOCK_OFF_MS_MAX = 1_000;
const OUTBOX_AGE_SECONDS_MAX = 60;

type Check = (client: Client, config: TokenServiceConfig) => Promise<Finding>;

/** Looks at everything that an installation stands on. Changes nothing; never throws. */
export async function diagnose(config: TokenServiceConfig): Promise<Finding[]> {
  const findings = await usingDatabase(config.databaseUrl, (client) => checkDatabase(client, config)).catch(
    (error: unknown) => [
      failed('postgres', error, 'Check DATABASE_URL, and that Postgres runs and lets this address in'),
    ],
  );
  return [...findings, ...(await checkNats(config))];
}

async function checkDatabase(client: Client, config: TokenServiceConfig): Promise<Finding[]> {
  const schema = await checkSchema(client);
  if (schema.verdict === 'fail') return [schema];
  const findings = [schema];
  for (const [name, check] of CHECKS)
    findings.push(await check(client, config).catch((error: unknown) => failed(name, error, 'See the message')));
  return findings;
}

async function checkSchema(client: Client): Promise<Finding> {
  const check = 'postgres';
  const { rows } = await client.query<{ version: string; standby: boolean; migrated: boolean }>(
    `SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS standby,
       to_regclass('migrations') IS NOT NULL AS migrated`,
  );
  const { version, standby, migrated } = rows[0]!;
  if (standby) return { check, verdict: 'fail', detail: 'is a standby', advice: 'Let DATABASE_URL name the primary' };
  const start = 'Start a token-service of this version: it brings the schema up to date';
  if (!migrated) return { check, verdict: 'fail', detail: 'holds no tables of Portcullis', advice: start };
  const done = await client.query<{ name: string }>('SELECT name FROM migrations');
  const names = new Set(done.rows.map(({ name }) => name));
  const missing = MIGRATIONS.filter(({ name }) => !names.has(name));
  if (missing.length > 0)
    return { check, verdict: 'fail', detail: `${missing.length} migrations are missing`, advice: start };
  return { check, verdict: 'ok', detail: `${version}, primary, schema up to date` };
}

async function checkMasterKey(client: Client, config: TokenServiceConfig): Promise<Finding> {
  const check = 'master key';
  const masterKeys = new MasterKeys(config.masterKeys);
  const { currentId } = masterKeys;
  const counts = await countByMasterKey(client, masterKeys);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const others = (await encryptingServices(client)).filter(({ master_key_id: id }) => id !== currentId);
  const toRewrap = [...counts].filter(([id]) => id !== currentId);
  const opens = `opens all ${total} stored keys`;
  if (others.length > 0) {
    const detail = `${opens}; token-services still wrap with ${others.map((other) => other.master_key_id ?? 'one they do not name').join(', ')}`;
    const advice = `Give every token-service the same first master key as here, ${currentId}, before you go on (docs/keys.md)`;
    return { check, verdict: 'warn', detail, advice };
  }
  if (toRewrap.length > 0) {
    const detail = `${opens}; ${toRewrap.map(([id, count]) => `${count} are wrapped with ${id}`).join(', ')}, not with ${currentId}`;
    return { check, verdict: 'warn', detail, advice: 'keys rewrap; until then that key must stay (docs/keys.md)' };
  }
  return { check, verdict: 'ok', detail: `${opens}, all wrapped with ${currentId}` };
}

/** Opens everything that is stored. @throws WrongMasterKeyError */
async function countByMasterKey(client: Client, masterKeys: MasterKeys): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { table, id, column, label } of WRAPPED_KEY_TABLES) {
    const { rows } = await client.query<{ id: string; wrapped: Buffer; masterKeyId: string | null }>(
      `SELECT ${id} AS id, ${column} AS wrapped, master_key_id AS "masterKeyId" FROM ${table}`,
    );
    for (const row of rows) {
      const { masterKeyId } = masterKeys.open(label(row.id), row);
      counts.set(masterKeyId, (counts.get(masterKeyId) ?? 0) + 1);
    }
  }
  return counts;
}

async function checkClock(client: Client): Promise<Finding> {
  const check = 'clock';
  const beforeMs = Date.now();
  const { rows } = await client.query<{ now: Date }>('SELECT clock_timestamp() AS now');
  const afterMs = Date.now();
  const offMs = Math.round(Math.abs(rows[0]!.now.getTime() - (beforeMs + afterMs) / 2));
  const isOff = offMs > CLOCK_OFF_MS_MAX + (afterMs - beforeMs) / 2;
  const detail = `this machine and Postgres are ${offMs} ms apart`;
  if (!isOff) return { check, verdict: 'ok', detail };
  return { check, verdict: 'warn', detail, advice: 'Synchronise both by NTP: tokens would expire early or late' };
}

async function checkKeys(client: Client): Promise<Finding> {
  const check = 'signing key';
  const { rows } = await client.query<{ kid: string; alg: string; days: number }>(
    `SELECT kid, alg, extract(day FROM now() - created_at)::integer AS days FROM signing_keys WHERE state = 'signing'`,
  );
  const [key] = rows;
  if (!key) return { check, verdict: 'fail', detail: 'no key signs', advice: 'Start a token-service: it makes one' };
  return { check, verdict: 'ok', detail: `${key.kid} (${key.alg}) signs, ${key.days} days old` };
}

async function checkAdmins(client: Client): Promise<Finding> {
  const check = 'admins';
  const { rows } = await client.query<{ count: string }>(
    `SELECT count(*) FROM users WHERE user_type = 'User' AND role = 'Admin' AND active AND password_hash IS NOT NULL`,
  );
  const count = Number(rows[0]!.count);
  if (count > 0) return { check, verdict: 'ok', detail: `${count} can sign in with a password` };
  return {
    check,
    verdict: 'fail',
    detail: 'no Admin can sign in',
    advice: 'users create-admin, or users reset-password',
  };
}

async function checkGateways(client: Client): Promise<Finding> {
  const check = 'gateways';
  const { rows } = await client.query<{ instance: string; over: boolean }>(
    `SELECT instance, bool_and(renewed_at + lease_ms * interval '1 ms' < now()) AS over FROM gateway_leases
     WHERE released_at IS NULL AND fenced_at IS NULL GROUP BY instance ORDER BY instance`,
  );
  const named = (over: boolean): string => rows.filter((row) => row.over === over).map((row) => row.instance).join(', '); // prettier-ignore
  if (named(true)) {
    const advice = 'See that they run and reach the internal port; their leases are fenced within seconds';
    return { check, verdict: 'warn', detail: `the lease of ${named(true)} has run out`, advice };
  }
  if (rows.length > 0) return { check, verdict: 'ok', detail: `${named(false)} hold a lease` };
  const advice = 'Start one; see PORTCULLIS_INTERNAL_URL and PORTCULLIS_INTERNAL_SECRET';
  return { check, verdict: 'warn', detail: 'none holds a lease', advice };
}

async function checkOutbox(client: Client): Promise<Finding> {
  const check = 'outbox';
  const { rows } = await client.query<{ count: string; seconds: number }>(
    `SELECT count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 AS seconds
     FROM outbox WHERE published_at IS NULL`,
  );
  const { count, seconds } = rows[0]!;
  const detail = `${count} events wait, the oldest for ${Math.max(0, Math.round(seconds))} s`;
  if (seconds <= OUTBOX_AGE_SECONDS_MAX) return { check, verdict: 'ok', detail };
  return {
    check,
    verdict: 'warn',
    detail,
    advice: 'See that a token-service runs and reaches NATS; nothing is lost meanwhile',
  };
}

async function checkAuditOwner(client: Client): Promise<Finding> {
  const check = 'audit trail';
  const { rows } = await client.query<{ own: boolean | null }>(
    `SELECT has_table_privilege(table_id, 'DELETE') OR has_table_privilege(table_id, 'UPDATE') AS own
     FROM to_regclass('audit') AS table_id`,
  );
  if (rows[0]!.own === null) return { check, verdict: 'fail', detail: NOWHERE, advice: AUDIT_ROLES_AGAIN };
  if (!rows[0]!.own) return { check, verdict: 'ok', detail: 'append-only, and of another role than the application' };
  const advice = 'For more than that, give the table to another role: deploy/audit-roles.sql (docs/audit.md)';
  return { check, verdict: 'ok', detail: 'append-only by a trigger, which the application owns', advice };
}

const CHECKS: readonly (readonly [string, Check])[] = [
  ['master key', checkMasterKey],
  ['clock', checkClock],
  ['signing key', checkKeys],
  ['admins', checkAdmins],
  ['gateways', checkGateways],
  ['outbox', checkOutbox],
  ['audit trail', checkAuditOwner],
];

async function checkNats(config: TokenServiceConfig): Promise<Finding[]> {
  try {
    return await usingNats(config, (connection) => checkStreams(connection, config.eventsReplicas));
  } catch (error) {
    const advice = 'Check NATS_URL and that nats-server runs; until then revocation goes by renewals, and events wait';
    return [failed('nats', error, advice)];
  }
}

async function checkStreams(connection: NatsConnection, eventsReplicas: number): Promise<Finding[]> {
  const rtt: Finding = { check: 'nats', verdict: 'ok', detail: `answers in ${await connection.rtt()} ms` };
  const manager = await jetstreamManager(connection, { checkAPI: false, timeout: NATS_TIMEOUT_MS });
  const streams = [EVENTS_STREAM, USAGE_STREAM].map(async (stream): Promise<Finding> => {
    const { config, state } = await manager.streams.info(stream);
    const detail = `${state.messages} messages, ${config.num_replicas} replicas`;
    if (config.num_replicas >= eventsReplicas) return { check: stream, verdict: 'ok', detail };
    const advice = `PORTCULLIS_EVENTS_REPLICAS asks for ${eventsReplicas}`;
    return { check: stream, verdict: 'warn', detail, advice };
  });
  const missing = 'Start a token-service, which makes the streams; JetStream must be on (nats-server -js)';
  const settled = await Promise.allSettled(streams);
  return [
    rtt,
    ...settled.map((each) => (each.status === 'fulfilled' ? each.value : failed('streams', each.reason, missing))),
  ];
}

function failed(check: string, error: unknown, advice: string): Finding {
  return { check, verdict: 'fail', detail: (error as Error).message || String(error), advice };
}
