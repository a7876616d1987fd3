import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import pg from 'pg';
import { CONFIG, type TokenServiceConfig } from '../config.js';
import { PeriodicTask } from '../retention/periodic-task.js';

const INTERVAL_MS = 10 * 60_000;
const BATCH_ROWS_MAX = 2_000;
const BATCHES_MAX = 500;
const CONNECT_TIMEOUT_MS = 3_000;
const STATEMENT_TIMEOUT_MS = 15_000;

/**
 * Deletes audit records whose time of retention is over, oldest first, in small batches; over a connection of its own, which may be
 * that of another role than the application's.
 */
@Injectable()
export class AuditPurge implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #task = new PeriodicTask('The purge of the audit trail', INTERVAL_MS, () => this.purge());
  #stopping = false;

  constructor(@Inject(CONFIG) private readonly config: TokenServiceConfig) {}

  onApplicationBootstrap(): void {
    this.#task.start();
  }

  async onApplicationShutdown(): Promise<void> {
    this.#stopping = true;
    await this.#task.stop();
  }

  /** @returns how many records were deleted; the next run goes on where this one stopped */
  async purge(): Promise<number> {
    const client = new pg.Client({
      connectionString: this.config.auditPurgeUrl ?? this.config.databaseUrl,
      application_name: 'portcullis-audit-purge',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      options: '-c portcullis.audit_purge=on', // the trigger on the table lets nobody else delete
    });
    client.on('error', () => undefined); // the statement under way fails and says so
    await client.connect();
    try {
      return await this.#batches(client);
    } finally {
      await client.end();
    }
  }

  async #batches(client: pg.Client): Promise<number> {
    let deleted = 0;
    for (let batch = 0; batch < BATCHES_MAX && !this.#stopping; batch += 1) {
      const { rowCount } = await client.query(PURGE_SQL, [BATCH_ROWS_MAX, this.config.auditDays]);
      deleted += rowCount ?? 0;
      if ((rowCount ?? 0) < BATCH_ROWS_MAX) break;
    }
    return deleted;
  }
}

const PURGE_SQL = `
  DELETE FROM audit WHERE id IN (
    SELECT id FROM audit WHERE at < now() - make_interval(days => $2) ORDER BY at LIMIT $1)`;
