import { generateKeyPairSync } from 'node:crypto';
import {
  ACCESS_SUBJECT,
  type AccessChange,
  type AccessEntry,
  type PrincipalValue,
  SNAPSHOT_LINE_BYTES_MAX,
} from '@portcullis/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TokenServiceConfig } from '../config.js';
import { eventually, type Services, startServices } from '../events/testing/services.js';
import type { MasterKeys } from '../keys/master-keys.js';
import type { Secrets } from '../keys/secrets.js';
import { AccessFeed } from './access-feed.js';
import { AccessLedger } from './access-ledger.js';
import { GatewayLeases } from './gateway-leases.js';
import { LeasePool } from './lease-pool.js';
import { AccessSnapshot } from './snapshot.js';

const PEOPLE = 3_200;
/** Some 5 kB of them, as an identity provider's groups come to. */
const TEAMS = Array.from({ length: 200 }, (_, i) => `SG-Department-${i}-Everybody`);

let services: Services;
let feed: AccessFeed;
let ledger: AccessLedger;
let pool: LeasePool;
let leases: GatewayLeases;
beforeAll(async () => {
  services = await startServices();
  const secrets = { feedKey: generateKeyPairSync('ed25519').privateKey } as unknown as Secrets;
  feed = new AccessFeed(services.dataSource, secrets, services.nats);
  ledger = new AccessLedger(services.dataSource, feed, { nudge: () => {} } as never);
  const config = { databaseUrl: services.postgres.url, leaseMs: 10_000 } as TokenServiceConfig;
  pool = new LeasePool(config);
  leases = new GatewayLeases(pool, {} as MasterKeys, config);
  await services.dataSource
    .query(`INSERT INTO gateway_leases (lease_id, instance, worker, wrapped_lease_key, lease_ms, when_stale)
    VALUES ('gw-1:a', 'gw-1', 0, '', 1, 'deny')`);
  await services.dataSource.query(
    `INSERT INTO access_entries (kind, id, seq, value) SELECT 'principal', n::text, n, $2 FROM generate_series(1, $1) n`,
    [PEOPLE, JSON.stringify(personOf(TEAMS))],
  );
  await services.dataSource.query('UPDATE access_clock SET seq = $1', [PEOPLE]);
});
afterAll(async () => {
  await pool.onApplicationShutdown();
  await services.stop();
});

function personOf(teams: string[]): PrincipalValue {
  return { user_id: 'ada@example.com', user_type: 'User', role: 'Member', teams, active: true };
}

function entriesOf(count: number, value: PrincipalValue): AccessEntry[] {
  return Array.from({ length: count }, (_, i) => ({ seq: i + 1, kind: 'principal', id: String(i + 1), value }));
}

describe('people in many teams', () => {
  it('fit into the lines of a snapshot that a gateway takes, each of them once', async () => {
    const lines: string[] = [];
    for await (const piece of new AccessSnapshot(services.dataSource, ledger).open()) lines.push(piece as string);
    expect(Math.max(...lines.map((line) => Buffer.byteLength(line)))).toBeLessThan(SNAPSHOT_LINE_BYTES_MAX / 4);
    const parsed = lines.map((line) => JSON.parse(line) as { entries?: [id: string, value: PrincipalValue][] });
    const ids = parsed.flatMap(({ entries = [] }) => entries.map(([id]) => Number(id)));
    expect(ids.toSorted((a, b) => a - b)).toEqual(Array.from({ length: PEOPLE }, (_, i) => i + 1));
    expect(parsed[1]?.entries?.[0]?.[1]).toEqual(personOf(TEAMS));
    expect(parsed.at(-1)).toEqual({ end: true, count: PEOPLE });
  });

  it('are handed over by a snapshot when they are too large for a renewal, and by the renewal when they are not', async () => {
    const { epoch } = await ledger.position();
    const all = await leases.renew('gw-1:a', { epoch, applied_seq: 0 });
    expect(all).toMatchObject({ seq: PEOPLE, snapshot_required: true });
    expect(all.entries).toBeUndefined();
    const latest = await leases.renew('gw-1:a', { epoch, applied_seq: PEOPLE - 1_000 });
    expect(latest.entries).toHaveLength(1_000);
    expect((await leases.renew('gw-1:a', { epoch, applied_seq: PEOPLE })).entries).toEqual([]);
  });

  it('are announced on the feed without entries when NATS would not take those', async () => {
    const heard: AccessChange[] = [];
    const connection = await services.nats.connection();
    connection.subscribe(ACCESS_SUBJECT, { callback: (_, message) => void heard.push(message.json()) });
    await connection.flush();
    const inAThousand = personOf(Array.from({ length: 5 }, () => TEAMS).flat());
    feed.publishChange('epoch', entriesOf(64, inAThousand));
    feed.publishChange('epoch', entriesOf(2, inAThousand));
    await eventually('both were heard', () => heard.length >= 2);
    expect(heard[0]).toEqual({ type: 'change', epoch: 'epoch', from: 1, to: 64 });
    expect(heard[1]?.entries).toHaveLength(2);
  });
});
