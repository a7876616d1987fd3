import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { NatsClient } from '@portcullis/messaging';
import { LeasePool } from '../access/lease-pool.js';
import { MasterKeys } from '../keys/master-keys.js';

/** A database that hangs must not make those who ask hang. */
const TIMEOUT_MS = 1_000;
/** However often it is asked, Postgres is asked no more often than this. */
const REPEATED_FOR_MS = 250;
const EVENT_WAITS_S_MAX = 30;

/**
 * Whether this token-service can do its work, and if not, why. Without Postgres it can't. Without NATS everything works but is slower,
 * and events wait: that is `degraded`, and taking every replica out of the load balancer for it would end what still works.
 *
 * Postgres is asked over the connections that only leases use. Behind the load on the API the answer would come late, all replicas
 * would be taken out at once, and with them what gateways renew their leases at.
 */
@Injectable()
export class Readiness implements BeforeApplicationShutdown {
  #draining = false;

  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly database: LeasePool,
    private readonly nats: NatsClient,
    private readonly masterKeys: MasterKeys,
  ) {}

  beforeApplicationShutdown(): void {
    this.#draining = true;
  }

  async check(): Promise<HealthIndicatorResult> {
    const [postgres, key, outbox] = await Promise.all([this.#postgres(), this.#signingKey(), this.#outbox()]);
    return { ...this.#process(), ...postgres, ...key, ...this.#nats(), ...outbox };
  }

  #process(): HealthIndicatorResult {
    const session = this.indicators.check('process');
    return this.#draining ? session.down('is shutting down') : session.up();
  }

  async #postgres(): Promise<HealthIndicatorResult> {
    const attempt = this.indicators.check('postgres').attempt(async () => {
      const [row] = await this.#query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby');
      if (row!.standby) throw new Error('is a standby, which takes no changes');
    });
    return attempt.withTimeout(TIMEOUT_MS).cacheFor(REPEATED_FOR_MS);
  }

  /** A token-service that was not given the master key of what signs now can issue nothing. */
  async #signingKey(): Promise<HealthIndicatorResult> {
    const session = this.indicators.check('signing_key');
    const attempt = session.attempt(async () => {
      const rows = await this.#query<{ master_key_id: string | null }>(SIGNING_KEY_SQL);
      const lacks = rows.some(({ master_key_id: id }) => id !== null && !this.masterKeys.ids.includes(id));
      if (lacks) throw new Error(LACKS_MASTER_KEY);
    });
    const { signing_key: found } = await attempt.withTimeout(TIMEOUT_MS).cacheFor(REPEATED_FOR_MS);
    if (found.status === 'up') return session.up();
    const message = String(found['message']);
    return message === LACKS_MASTER_KEY ? session.down(message) : session.degraded(message); // Postgres says it for itself
  }

  #nats(): HealthIndicatorResult {
    const session = this.indicators.check('nats');
    if (this.nats.isConnected) return session.up();
    return session.degraded('is not connected: gateways hear of changes with their next renewal, and events wait');
  }

  async #outbox(): Promise<HealthIndicatorResult> {
    const session = this.indicators.check('outbox');
    const attempt = session.attempt(async () => {
      const [row] = await this.#query<{ seconds: number }>(OLDEST_EVENT_SQL);
      const seconds = row?.seconds ?? 0;
      if (seconds > EVENT_WAITS_S_MAX) throw new Error(`its oldest event has waited for ${seconds} s`);
    });
    const { outbox } = await attempt.withTimeout(TIMEOUT_MS).cacheFor(REPEATED_FOR_MS);
    return outbox.status === 'up' ? session.up() : session.degraded(String(outbox['message']));
  }

  /** What Postgres and its client say of a failure, with names and addresses, is for the log. */
  async #query<Row extends object>(sql: string): Promise<Row[]> {
    return this.database.query<Row>(sql, []).catch(() => {
      throw new Error('Postgres does not answer');
    });
  }
}

const LACKS_MASTER_KEY = 'needs a master key that this token-service lacks';
const SIGNING_KEY_SQL = `SELECT master_key_id FROM signing_keys WHERE state = 'signing'`;
const OLDEST_EVENT_SQL = `
  SELECT floor(extract(epoch FROM clock_timestamp() - created_at))::integer AS seconds
  FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT 1`;
