import pg from 'pg';
import { withSettings } from '../database/session-settings.js';

/** Key of the advisory lock that lets one process purge at a time: one per database. */
const PURGE_LOCK = 7_306_114_002;

const CONNECT_TIMEOUT_MS = 3_000;
const SETTINGS = [
  'statement_timeout=15s',
  'lock_timeout=5s',
  'idle_in_transaction_session_timeout=5s',
  // A process that is frozen, or whose machine is gone, doesn't keep the lock.
  'idle_session_timeout=30s',
];

/**
 * A purge's own database session. It holds the lock, and what is deleted is deleted over it, so whoever lost the lock deletes
 * nothing more. Killed, it ends with the connection.
 */
export class PurgeSession {
  private constructor(private readonly client: pg.Client) {}

  /** @returns undefined when another process purges at this moment */
  static async open(databaseUrl: string): Promise<PurgeSession | undefined> {
    const client = new pg.Client({
      ...withSettings(databaseUrl, SETTINGS),
      application_name: 'portcullis-retention',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: 20_000,
      keepAlive: true,
    });
    client.on('error', () => undefined); // the statement under way fails and says so
    const session = new PurgeSession(client);
    try {
      await client.connect();
      const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1) AS locked', [
        PURGE_LOCK,
      ]);
      if (rows[0]!.locked) return session;
    } catch (error) {
      await session.close();
      throw error;
    }
    await session.close();
    return undefined;
  }

  /** @returns how many rows it was about */
  async execute(sql: string, values: unknown[]): Promise<number> {
    return (await this.client.query(sql, values)).rowCount ?? 0;
  }

  /** Runs `statement` behind another one, in one transaction. @returns how many rows the second was about */
  async executeBehind(first: string, statement: string, values: unknown[]): Promise<number> {
    await this.client.query(`BEGIN; ${first}`);
    try {
      const count = await this.execute(statement, values);
      await this.client.query('COMMIT');
      return count;
    } catch (error) {
      await this.client.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  /** @throws when the session is over, and with it the lock */
  async assertHeld(): Promise<void> {
    await this.client.query('SELECT 1');
  }

  async close(): Promise<void> {
    await this.client.end().catch(() => undefined);
  }
}
