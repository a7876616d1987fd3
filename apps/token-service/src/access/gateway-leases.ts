import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import {
  type AccessEntry,
  Problem,
  type RegisterRequest,
  type RegisterResponse,
  type RenewRequest,
  type RenewResponse,
} from '@portcullis/contracts';
import { CONFIG, type TokenServiceConfig } from '../config.js';
import { MasterKeys, type WrappedKey } from '../keys/master-keys.js';
import { LEASE_KEYS } from '../keys/wrapped-keys.js';
import { EPOCH_SQL } from './ledger-position.js';
import { LeasePool } from './lease-pool.js';

/** More entries than this since the last renewal: a snapshot is the shorter way. */
const DELTA_ENTRIES_MAX = 20_000;
/** And so it is for more than these: people may be in many teams, and a gateway takes no answer of any size. */
const DELTA_BYTES_MAX = 16 * 1024 * 1024;
const LEASE_KEYS_MAX = 10_000;

interface DeltaRow {
  epoch: string;
  seq: number;
  compacted_seq: number;
  now: number;
  newer: number;
  /** Null: there are none, or they are too large. */
  entries: AccessEntry[] | null;
}

/** The leases of gateways: which process may open the gate, and up to which number it has seen the ledger. */
@Injectable()
export class GatewayLeases {
  readonly #keys = new LRUCache<string, Buffer>({ max: LEASE_KEYS_MAX });

  constructor(
    private readonly pool: LeasePool,
    private readonly masterKeys: MasterKeys,
    @Inject(CONFIG) private readonly config: TokenServiceConfig,
  ) {}

  /** Gives a gateway process a lease of its own and a key that authenticates its acks and usage reports. */
  async register({ instance, when_stale: whenStale = 'deny', worker = 0 }: RegisterRequest): Promise<RegisterResponse> {
    const leaseId = `${instance}:${randomBytes(9).toString('base64url')}`;
    const key = randomBytes(32);
    const { wrapped, masterKeyId } = this.masterKeys.wrap(LEASE_KEYS.label(leaseId), key);
    await this.pool.query(
      `INSERT INTO gateway_leases (lease_id, instance, wrapped_lease_key, master_key_id, lease_ms, when_stale, worker)
       VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      [leaseId, instance, wrapped, masterKeyId, this.config.leaseMs, whenStale, worker],
    );
    return { lease_id: leaseId, lease_key: key.toString('base64url') };
  }

  /**
   * Extends a lease. Two steps, and the order matters: the row is committed first, so that a barrier that begins later sees it;
   * then `seq` and the entries are read, in one statement, so that a change committed before is handed over.
   *
   * @throws Problem 404 `lease_unknown`: the lease was released or fenced; the gateway must close and register anew
   */
  async renew(leaseId: string, request: RenewRequest): Promise<RenewResponse> {
    const renewed = await this.pool.query(RENEW_SQL, [
      leaseId,
      request.epoch,
      request.applied_seq,
      this.config.leaseMs,
      request.requests_per_second ?? 0,
      request.refused_per_second ?? 0,
    ]);
    if (renewed.length === 0) throw new Problem(404, 'lease_unknown', 'This lease is over; register anew');

    const [row] = await this.pool.query<DeltaRow & Record<string, unknown>>(DELTA_SQL, [
      request.applied_seq,
      DELTA_ENTRIES_MAX,
      DELTA_BYTES_MAX,
    ]);
    const { epoch, seq, now, compacted_seq: compactedSeq, newer, entries } = row!;
    const response: RenewResponse = { lease_ms: this.config.leaseMs, epoch, seq, now };
    const snapshotRequired =
      request.epoch !== epoch ||
      request.applied_seq > seq ||
      request.applied_seq < compactedSeq ||
      newer > DELTA_ENTRIES_MAX ||
      (newer > 0 && entries === null);
    return snapshotRequired ? { ...response, snapshot_required: true } : { ...response, entries: entries ?? [] };
  }

  /** A gateway that shuts down gives its lease back, so that no revoke waits for it. */
  async release(leaseId: string): Promise<void> {
    await this.pool.query('UPDATE gateway_leases SET released_at = now() WHERE lease_id = $1 AND released_at IS NULL', [
      leaseId,
    ]);
  }

  /** Whether {@link keyOf} needs no database. */
  knowsKeyOf(leaseId: string): boolean {
    return this.#keys.has(leaseId);
  }

  /** The key of a lease, released ones included: their last usage report may still be on its way. */
  async keyOf(leaseId: string): Promise<Buffer | undefined> {
    const known = this.#keys.get(leaseId);
    if (known) return known;
    const [row] = await this.pool.query<WrappedKey & Record<string, unknown>>(KEY_SQL, [leaseId]);
    if (!row) return undefined;
    const key = this.masterKeys.unwrap(LEASE_KEYS.label(leaseId), row);
    this.#keys.set(leaseId, key);
    return key;
  }
}

const KEY_SQL = `
  SELECT wrapped_lease_key AS wrapped, master_key_id AS "masterKeyId" FROM gateway_leases WHERE lease_id = $1`;

// What a gateway says of a ledger that was set back, or of another one, must not confirm anything on this one.
const RENEW_SQL = `
  UPDATE gateway_leases
  SET epoch = $2, applied_seq = CASE WHEN $2 = clock.epoch_of_ledger AND $3 <= clock.seq THEN $3::bigint END,
    lease_ms = greatest(lease_ms, $4), renewals = renewals + 1, renewed_at = now(),
    requests_per_second = $5, refused_per_second = $6
  FROM (SELECT seq, ${EPOCH_SQL} AS epoch_of_ledger FROM access_clock) clock
  WHERE lease_id = $1 AND released_at IS NULL AND fenced_at IS NULL
  RETURNING lease_id`;

const DELTA_SQL = `
  SELECT clock.seq, clock.compacted_seq, ${EPOCH_SQL} AS epoch, floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now,
    delta.newer, delta.entries
  FROM access_clock clock, LATERAL (
    SELECT count(*) AS newer, CASE WHEN sum(octet_length(value::text)) <= $3 THEN
      json_agg(json_build_object('seq', seq, 'kind', kind, 'id', id, 'value', value) ORDER BY seq) END AS entries
    FROM (SELECT * FROM access_entries WHERE seq > $1 ORDER BY seq LIMIT $2 + 1) newest
  ) delta`;
