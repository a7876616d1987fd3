import { Inject, Injectable } from '@nestjs/common';
import pg from 'pg';
import { CONFIG, type TokenServiceConfig } from '../config.js';
import { withSettings } from '../database/session-settings.js';
import type { Batches } from '../retention/batches.js';

const BATCH_ROWS_MAX = 2_000;
const CONNECT_TIMEOUT_MS = 3_000;
const STATEMENT_TIMEOUT_MS = 15_000;

/** Deletes audit records whose time of retention is over, oldest first; over a connection that may be another role's. */
@Injectable()
export class AuditPurge {
  constructor(
    @Inject(CONFIG) private readonly config: Pick<TokenServiceConfig, 'auditPurgeUrl' | 'databaseUrl' | 'auditDays'>,
  ) {}

  /** @returns how many records were deleted */
  async purge(batches: Batches): Promise<number> {
    const client = new pg.Client({
      // The setting: the trigger on the table lets nobody else delete.
      ...withSettings(this.config.auditPurgeUrl ?? this.config.databaseUrl, ['portcullis.audit_purge=on']),
      application_name: 'portcullis-audit-purge',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      statement_timeout: STATEMENT_TIMEOUT_MS,
    });
    client.on('error', () => undefined); // the statement under way fails and says so
    await client.connect();
    try {
      return await batches.run(BATCH_ROWS_MAX, async () => {
        const { rowCount } = await client.query(PURGE_SQL, [BATCH_ROWS_MAX, this.config.auditDays]);
        return rowCount ?? 0;
      });
    } finally {
      await client.end();
    }
  }
}

const PURGE_SQL = `
  DELETE FROM audit WHERE id IN (
    SELECT id FROM audit WHERE at < now() - make_interval(days => $2) ORDER BY at LIMIT $1)`;
