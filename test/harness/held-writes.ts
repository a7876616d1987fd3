import pg from 'pg';
import type { TestDatabase } from './database.ts';

const LOCK = 4_242;
const HELD = `wait_event = 'advisory' AND datname = current_database()`;

/** Makes one kind of write hang in Postgres until it is released, so that a process can be killed just then. */
export class HeldWrites {
  private constructor(
    private readonly database: TestDatabase,
    private readonly session: pg.Client,
  ) {}

  /** The relay's marks: what it publishes is in the stream, and Postgres doesn't know it yet. */
  static marks(database: TestDatabase): Promise<HeldWrites> {
    return HeldWrites.hold(database, 'CREATE TRIGGER hold BEFORE UPDATE ON outbox');
  }

  /** The commit of a usage report: it is under way, and who asked for it doesn't know the outcome yet. */
  static usageCommits(database: TestDatabase): Promise<HeldWrites> {
    const trigger = 'CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON usage_batches DEFERRABLE INITIALLY DEFERRED';
    return HeldWrites.hold(database, trigger);
  }

  private static async hold(database: TestDatabase, trigger: string): Promise<HeldWrites> {
    const session = new pg.Client({ connectionString: database.url });
    await session.connect();
    await session.query('SELECT pg_advisory_lock($1)', [LOCK]);
    await database.pool.query(`
      CREATE FUNCTION hold_writes() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock_shared(${LOCK}); RETURN NEW; END $$`);
    await database.pool.query(`${trigger} FOR EACH ROW EXECUTE FUNCTION hold_writes()`);
    return new HeldWrites(database, session);
  }

  /** Whether a write hangs now. */
  async isHolding(): Promise<boolean> {
    const { rows } = await this.database.pool.query(`SELECT FROM pg_stat_activity WHERE ${HELD}`);
    return rows.length > 0;
  }

  /** Ends the sessions whose writes hang: Postgres would go on with the statement of a process that is dead. */
  async endSessions(): Promise<void> {
    await this.database.pool.query(`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE ${HELD}`);
  }

  async release(): Promise<void> {
    await this.session.end();
    await this.database.pool.query('DROP FUNCTION hold_writes CASCADE');
  }
}
