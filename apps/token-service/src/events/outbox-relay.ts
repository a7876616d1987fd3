import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { NatsClient } from '@portcullis/messaging';
import { DataSource } from 'typeorm';
import { BATCH_ROWS_MAX, EventStream } from './event-stream.js';
import { EVENTS_OPTIONS, type EventsOptions } from './events-options.js';
import { type OutboxRow, RelaySession } from './relay-session.js';
import { RelayTroubles } from './relay-troubles.js';
import { WakeablePause } from './wakeable-pause.js';

const POLL_MS = 100;
const STANDBY_POLL_MS = 500;
const IDLE_TIMEOUT_MS = 5_000;
const BACKOFF_MIN_MS = 50;
const BACKOFF_MAX_MS = 1_000;
/**
 * Before they are published events gather for this long, so that marking them doesn't cost a disk write each; and a change of
 * access, which is waiting for its gateways just then, has the machine first.
 */
const BATCH_GAP_MS = 10;

export interface OutboxBacklog {
  rows: number;
  oldestAgeMs: number;
}

/**
 * Publishes the outbox to JetStream. Every replica runs one; the one that holds the lock is active.
 *
 * It never publishes at a place in the stream (`Nats-Expected-Last-Sequence`) before it has marked every row that is stored up
 * to there. So at most one batch is in the stream without being marked, wherever a relay is killed, and reading as many
 * messages as one batch holds is enough to find it: no duplicate, however long after.
 */
@Injectable()
export class OutboxRelay implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger(OutboxRelay.name);
  readonly #troubles = new RelayTroubles(this.#logger);
  /** Between polls: a nudge ends it. */
  readonly #idle = new WakeablePause();
  /** After failures, or without the lock: only shutting down ends it. */
  readonly #wait = new WakeablePause();
  readonly #stream: EventStream;
  #running: Promise<void> | undefined;
  #stopping = false;
  #leading = false;

  constructor(
    @Inject(EVENTS_OPTIONS) private readonly options: EventsOptions,
    nats: NatsClient,
    private readonly dataSource: DataSource,
  ) {
    this.#stream = new EventStream(nats, options);
  }

  /** Begins in the background; neither Postgres nor NATS has to be there. */
  onApplicationBootstrap(): void {
    this.#running ??= this.#run();
  }

  /** Ends after the batch under way and gives the lock back. */
  async onApplicationShutdown(): Promise<void> {
    this.#stopping = true;
    this.#idle.wake();
    this.#wait.wake();
    await this.#running;
  }

  /** Says that something was committed to the outbox, so that it is published now and not at the next poll. */
  nudge(): void {
    if (this.#leading) this.#idle.wake();
  }

  /** Whether this replica is the one that publishes. */
  get isLeader(): boolean {
    return this.#leading;
  }

  /** How much waits to be published. @throws when Postgres is away */
  async backlog(): Promise<OutboxBacklog> {
    const [row] = await this.dataSource.query<{ rows: number; oldest_age_ms: number }[]>(BACKLOG_SQL);
    return { rows: row?.rows ?? 0, oldestAgeMs: row?.oldest_age_ms ?? 0 };
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#stopping;) {
      try {
        await this.#runSession();
        failures = 0;
      } catch (error) {
        this.#troubles.report('The relay lost its database session', error);
        await this.#wait.wait(backoffMs(failures++));
      }
    }
  }

  /** Waits for the lock and leads for as long as the session lives. */
  async #runSession(): Promise<void> {
    const session = await RelaySession.open(
      this.options.databaseUrl,
      this.options.relayIdleTimeoutMs ?? IDLE_TIMEOUT_MS,
    );
    try {
      while (!this.#stopping && !(await session.tryLead())) await this.#wait.wait(STANDBY_POLL_MS);
      if (this.#stopping) return;
      this.#leading = true;
      this.#logger.log('This replica relays the outbox');
      await this.#lead(session);
    } finally {
      this.#leading = false;
      await session.close();
    }
  }

  async #lead(session: RelaySession): Promise<void> {
    let lastSeq: number | undefined;
    for (let failures = 0; !this.#stopping;) {
      try {
        lastSeq ??= await this.#catchUp(session);
        lastSeq = await this.#relayBatch(session, lastSeq);
        failures = 0;
        this.#troubles.over();
      } catch (error) {
        if (session.isLost) throw error;
        lastSeq = undefined;
        this.#troubles.report('Events wait in the outbox', error);
        await this.#wait.wait(backoffMs(failures++));
      }
    }
  }

  /** Marks what is in the stream already. @returns the stream's last sequence */
  async #catchUp(session: RelaySession): Promise<number> {
    const { lastSeq, events } = await this.#stream.readTail();
    const found = await session.markFound(events);
    if (found > 0) this.#logger.log(`${found} events were in the stream already`);
    return lastSeq;
  }

  /** @returns the stream's last sequence after it. @throws what kept the first row that failed from being published */
  async #relayBatch(session: RelaySession, lastSeq: number): Promise<number | undefined> {
    const rows = await session.unpublished(BATCH_ROWS_MAX);
    if (rows.length === 0) {
      await this.#idle.wait(POLL_MS);
      await this.#wait.wait(BATCH_GAP_MS);
      return lastSeq;
    }
    const result = await this.#stream.publish(rows, lastSeq);
    await session.mark(result.published);
    if (result.failure) throw publishFailure(result.failure.row, result.failure.reason);
    if (rows.length < BATCH_ROWS_MAX) await this.#wait.wait(BATCH_GAP_MS);
    return result.lastSeq;
  }
}

function publishFailure(row: OutboxRow, reason: Error): Error {
  return new Error(`${row.subject} (outbox row ${row.id}, event ${row.eventId}): ${reason.message}`, { cause: reason });
}

function backoffMs(failures: number): number {
  return Math.min(BACKOFF_MIN_MS * 2 ** failures, BACKOFF_MAX_MS);
}

const BACKLOG_SQL = `
  SELECT count(*)::integer AS rows,
         coalesce(greatest(extract(epoch FROM clock_timestamp() - min(created_at)) * 1000, 0), 0)::float8 AS oldest_age_ms
  FROM outbox WHERE published_at IS NULL`;
