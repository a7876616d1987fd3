import {
  JetStreamApiCodes,
  JetStreamApiError,
  jetstreamManager,
  type JetStreamManager,
  type StreamInfo,
} from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { EVENTS_STREAM, type EventType, type PortcullisEvent } from '@portcullis/contracts';
import { expect } from 'vitest';
import type { Stack } from './stack.ts';
import { waitUntil } from './wait-until.ts';

/** An event as the stream holds it. */
export interface StoredEvent {
  seq: number;
  /** The NATS subject. */
  subject: string;
  messageId: string | undefined;
  event: PortcullisEvent;
}

interface OutboxRow {
  event_id: string;
  about: string;
  stream_seq: number | null;
}

interface WholeOutboxOptions {
  timeoutMs?: number;
  afterRow?: number;
}

const CHUNK = 500;

/** The events stream, read by someone who may look at all of it. */
export class EventsStream {
  #read: StoredEvent[] = [];
  #readFrom: string | undefined;

  private constructor(
    private readonly stack: Stack,
    private readonly connection: NatsConnection,
    readonly manager: JetStreamManager,
  ) {}

  static async open(stack: Stack): Promise<EventsStream> {
    const connection = await connect({ servers: stack.nats.url, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
    return new EventsStream(stack, connection, await jetstreamManager(connection, { checkAPI: false }));
  }

  close(): Promise<void> {
    return this.connection.close();
  }

  /** All that is in the stream, in its order; nothing when there is no stream. */
  async all(): Promise<StoredEvent[]> {
    const info = await this.#info();
    if (info?.created !== this.#readFrom) this.#read = [];
    this.#readFrom = info?.created;
    if (info) await this.#readOn(info);
    return this.#read;
  }

  /** The events about one token or user, such as `token/7`; of one type, when it is given. */
  async about<T extends EventType>(subject: string, type?: T): Promise<PortcullisEvent<T>[]> {
    const events = (await this.all()).map(({ event }) => event);
    return events.filter((event) => event.subject === subject && (!type || event.type === type)) as never;
  }

  /** Waits for the first event of a type about a token or user. */
  first<T extends EventType>(subject: string, type: T): Promise<PortcullisEvent<T>> {
    return waitUntil(`${type} of ${subject}`, async () => (await this.about(subject, type))[0]);
  }

  /** How many rows of the outbox are not marked as published. */
  async waiting(): Promise<number> {
    const { rows } = await this.stack.database.pool.query('SELECT FROM outbox WHERE published_at IS NULL');
    return rows.length;
  }

  /** The number of the outbox's newest row. */
  async lastRow(): Promise<number> {
    const { rows } = await this.stack.database.pool.query<{ id: number }>('SELECT max(id) AS id FROM outbox');
    return rows[0]!.id;
  }

  /**
   * Waits until everything is marked, then expects each event exactly once in the stream, in order per token and user.
   *
   * @param afterRow look only at what was written to the outbox after this row, and expect nothing else in the stream
   */
  async expectTheWholeOutboxOnce({ timeoutMs, afterRow = 0 }: WholeOutboxOptions = {}): Promise<StoredEvent[]> {
    await waitUntil('the outbox is published', async () => (await this.waiting()) === 0, timeoutMs);
    const { rows } = await this.stack.database.pool.query<OutboxRow>(
      `SELECT event_id, payload::json ->> 'subject' AS about, stream_seq FROM outbox WHERE id > $1 ORDER BY id`,
      [afterRow],
    );
    const stored = await this.all();
    const outbox = rows.map(({ event_id, about }) => ({ id: event_id, about }));
    const stream = stored.map(({ event }) => ({ id: event.id, about: event.subject }));
    expect(byAbout(stream)).toEqual(byAbout(outbox));
    expect(new Map(stored.map(({ event, seq }) => [event.id, seq]))).toEqual(
      new Map(rows.map(({ event_id, stream_seq }) => [event_id, stream_seq])),
    );
    expect(stored.map(({ messageId }) => messageId)).toEqual(stored.map(({ event }) => event.id));
    return stored;
  }

  /** NATS may have come back only just now, and may not answer yet. */
  #info(): Promise<StreamInfo | undefined> {
    const info = async (): Promise<{ info?: StreamInfo } | undefined> => {
      try {
        return { info: await this.manager.streams.info(EVENTS_STREAM) };
      } catch (error) {
        return error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound ? {} : undefined;
      }
    };
    return waitUntil('JetStream answers', info).then((answer) => answer.info);
  }

  async #readOn({ state }: StreamInfo): Promise<void> {
    for (let seq = (this.#read.at(-1)?.seq ?? 0) + 1; seq <= state.last_seq; seq += CHUNK) {
      const count = Math.min(CHUNK, state.last_seq - seq + 1);
      this.#read.push(...(await Promise.all(Array.from({ length: count }, (_, i) => this.#message(seq + i)))));
    }
  }

  async #message(seq: number): Promise<StoredEvent> {
    const message = (await this.manager.streams.getMessage(EVENTS_STREAM, { seq }))!;
    return {
      seq: message.seq,
      subject: message.subject,
      messageId: message.header?.get('Nats-Msg-Id'),
      event: message.json<PortcullisEvent>(),
    };
  }
}

/** Ids by what they are about, in their order. */
function byAbout(events: readonly { id: string; about: string }[]): Record<string, string[]> {
  const ids: Record<string, string[]> = {};
  for (const { id, about } of events) (ids[about] ??= []).push(id);
  return ids;
}
