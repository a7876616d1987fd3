import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { withSettings } from '../database/session-settings.js';

/** An unpublished row of the outbox. */
export interface OutboxRow {
  id: number;
  eventId: string;
  subject: string;
  payload: string;
}

/** Where a row is in the stream. */
export interface PublishedRow {
  id: number;
  streamSeq: number;
}

const CONNECT_TIMEOUT_MS = 3_000;
const QUERY_TIMEOUT_MS = 5_000;
const CLOSE_TIMEOUT_MS = 2_000;
const KEEP_ALIVE_MS = 1_000;
const BATCH_BYTES_MAX = 1024 * 1024;

/** Key of the advisory lock that makes its holder the relay: one per database. */
const RELAY_LOCK = 7_306_114_001;

/**
 * The relay's own database session: it holds the lock, and every mark is written over it, so whoever lost the lock can't mark.
 * A process that is frozen falls silent; Postgres then ends the session, and with it the lock.
 */
export class RelaySession {
  readonly #client: Client;
  #keepAlive: NodeJS.Timeout | undefined;
  #lost: Error | undefined;

  private constructor(databaseUrl: string, idleTimeoutMs: number) {
    this.#client = new Client({
      // tcp_user_timeout: a frozen process doesn't read, and a session that is stuck in writing to it is not idle.
      // synchronous_commit: a mark that a crash of Postgres takes back is made again, from the stream; the disk is for commits of changes.
      ...withSettings(databaseUrl, [
        `idle_session_timeout=${idleTimeoutMs}`,
        `tcp_user_timeout=${idleTimeoutMs}`,
        `statement_timeout=${QUERY_TIMEOUT_MS}`,
        'synchronous_commit=off',
      ]),
      application_name: 'portcullis-outbox-relay',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
      keepAlive: true,
    });
    this.#client.on('error', (error) => (this.#lost ??= error));
    this.#client.on('end', () => (this.#lost ??= new Error('The connection ended')));
  }

  /** @throws when Postgres can't be reached within three seconds. */
  static async open(databaseUrl: string, idleTimeoutMs: number): Promise<RelaySession> {
    const session = new RelaySession(databaseUrl, idleTimeoutMs);
    try {
      await session.#client.connect();
    } catch (error) {
      await session.close();
      throw error;
    }
    session.#keepAlive = setInterval(() => void session.#touch(), Math.min(KEEP_ALIVE_MS, idleTimeoutMs / 3));
    return session;
  }

  /** Whether the session is over, and with it the lock. */
  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /** Takes the lock if it is free. Ask only until the answer is yes. */
  async tryLead(): Promise<boolean> {
    const { rows } = await this.#query<{ leads: boolean }>('SELECT pg_try_advisory_lock($1) AS leads', [RELAY_LOCK]);
    return rows[0]?.leads === true;
  }

  /** The oldest rows that aren't marked, by id: `count` at most, and a megabyte, but one row at least. */
  async unpublished(count: number): Promise<OutboxRow[]> {
    const { rows } = await this.#query<{ id: string; event_id: string; subject: string; payload: string }>(
      UNPUBLISHED_SQL,
      [count, BATCH_BYTES_MAX],
    );
    return rows.map((row) => ({
      id: Number(row.id),
      eventId: row.event_id,
      subject: row.subject,
      payload: row.payload,
    }));
  }

  async mark(rows: readonly PublishedRow[]): Promise<void> {
    if (rows.length === 0) return;
    await this.#query(MARK_SQL, [rows.map(({ id }) => id), rows.map(({ streamSeq }) => streamSeq)]);
  }

  /** Marks the rows of events that are found in the stream. @returns how many were not marked before */
  async markFound(found: ReadonlyMap<string, number>): Promise<number> {
    if (found.size === 0) return 0;
    const { rowCount } = await this.#query(MARK_FOUND_SQL, [[...found.keys()], [...found.values()]]);
    return rowCount ?? 0;
  }

  /** Ends the session and gives the lock back. */
  async close(): Promise<void> {
    clearInterval(this.#keepAlive);
    this.#lost ??= new Error('The session is closed');
    const ended = this.#client.end().catch(() => undefined);
    // A network that swallows everything must not hold up the next session; Postgres ends this one by its silence.
    await Promise.race([ended, sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
  }

  async #touch(): Promise<void> {
    await this.#query('SELECT 1').catch(() => undefined);
  }

  async #query<R extends object>(sql: string, values: unknown[] = []): Promise<{ rows: R[]; rowCount: number | null }> {
    if (this.#lost) throw this.#lost;
    try {
      return await this.#client.query<R>(sql, values);
    } catch (error) {
      // The server answers with a code, and the session goes on; anything else is a connection that can't be relied on.
      const { code } = error as { code?: string };
      if (code === undefined || code.startsWith('57P') || code.startsWith('08')) this.#lost ??= error as Error;
      throw error;
    }
  }
}

const UNPUBLISHED_SQL = `
  SELECT id, event_id, subject, payload
  FROM (SELECT *, sum(octet_length(payload)) OVER (ORDER BY id) - octet_length(payload) AS bytes_before
        FROM (SELECT id, event_id, subject, payload FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT $1) oldest) sized
  WHERE bytes_before < $2
  ORDER BY id`;

const MARK_SQL = `
  UPDATE outbox o SET published_at = now(), stream_seq = p.stream_seq
  FROM unnest($1::bigint[], $2::bigint[]) AS p (id, stream_seq)
  WHERE o.id = p.id AND o.published_at IS NULL`;

const MARK_FOUND_SQL = `
  UPDATE outbox o SET published_at = now(), stream_seq = p.stream_seq
  FROM unnest($1::uuid[], $2::bigint[]) AS p (event_id, stream_seq)
  WHERE o.event_id = p.event_id AND o.published_at IS NULL`;
