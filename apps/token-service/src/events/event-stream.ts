import { jetstream, jetstreamManager, PubHeaders, type PubAck } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { EVENTS_STREAM, type PortcullisEvent } from '@portcullis/contracts';
import { ensureEventsStream, type NatsClient } from '@portcullis/messaging';
import { inProducerSpan } from '@portcullis/telemetry';
import type { EventsOptions } from './events-options.js';
import type { OutboxRow, PublishedRow } from './relay-session.js';

/** Rows in one batch, and so the most that can be in the stream without being marked. */
export const BATCH_ROWS_MAX = 256;

/** What the end of the stream looks like. */
export interface StreamTail {
  lastSeq: number;
  /** Event id → sequence, of the last {@link BATCH_ROWS_MAX} messages. */
  events: ReadonlyMap<string, number>;
}

export interface BatchResult {
  /** Rows that are in the stream for certain. */
  published: PublishedRow[];
  /** The last sequence, when every row was stored just where it was expected; otherwise the tail has to be read again. */
  lastSeq: number | undefined;
  /** The first row that isn't known to be in the stream, and why. */
  failure?: { row: OutboxRow; reason: Error };
}

const JETSTREAM_TIMEOUT_MS = 2_000;

/** The JetStream side of the relay. */
export class EventStream {
  constructor(
    private readonly nats: NatsClient,
    private readonly options: Pick<EventsOptions, 'replicas' | 'duplicateWindowMs'>,
  ) {}

  /**
   * Makes the stream if it is missing and reads its end, from the stream's leader.
   *
   * @throws when NATS or JetStream is away.
   */
  async readTail(): Promise<StreamTail> {
    const nc = await this.#connection();
    await ensureEventsStream(nc, this.options);
    const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: JETSTREAM_TIMEOUT_MS });
    const { first_seq: firstSeq, last_seq: lastSeq } = (await jsm.streams.info(EVENTS_STREAM)).state;
    const from = Math.max(firstSeq, lastSeq - BATCH_ROWS_MAX + 1, 1);
    const sequences = Array.from({ length: Math.max(lastSeq - from + 1, 0) }, (_, index) => from + index);
    // Not by direct get: any replica may answer that, also one that is behind.
    const messages = await Promise.all(sequences.map((seq) => jsm.streams.getMessage(EVENTS_STREAM, { seq })));
    const events = new Map<string, number>();
    for (const message of messages) {
      const id = message?.header?.get(PubHeaders.MsgIdHdr);
      if (message && id) events.set(id, message.seq);
    }
    return { lastSeq, events };
  }

  /**
   * Publishes rows behind `lastSeq`, all at once and yet in order with nothing skipped: row i is stored only if the stream's
   * last message is row i-1 of this batch (`Nats-Expected-Last-Msg-Id`) at the sequence that it must have
   * (`Nats-Expected-Last-Sequence`), and row 0 only if nothing was stored since `lastSeq` was read. So if row i fails, every
   * row after it fails. The sequence alone wouldn't do: if two relays sent at once, the other one's message could take the
   * place of row i and make row i+1 fit.
   */
  async publish(rows: readonly OutboxRow[], lastSeq: number): Promise<BatchResult> {
    const nc = await this.#connection();
    const attempts = await Promise.allSettled(
      rows.map((row, index) => inTraceOf(row, () => publishRow(nc, row, lastSeq + index, rows[index - 1]?.eventId))),
    );
    const result: BatchResult = { published: [], lastSeq: lastSeq + rows.length };
    attempts.forEach((attempt, index) => {
      const row = rows[index]!;
      if (attempt.status === 'rejected') {
        result.failure ??= { row, reason: attempt.reason as Error };
        result.lastSeq = undefined;
        return;
      }
      // A duplicate was stored earlier, somewhere else, and the rows after it don't fit behind it.
      if (attempt.value.seq !== lastSeq + index + 1) result.lastSeq = undefined;
      result.published.push({ id: row.id, streamSeq: attempt.value.seq });
    });
    return result;
  }

  async #connection(): Promise<NatsConnection> {
    if (!this.nats.isConnected) throw new Error('NATS is not connected');
    return this.nats.connection();
  }
}

/** In the trace of the change that the event tells of, where there is one. */
function inTraceOf(row: OutboxRow, publish: () => Promise<PubAck>): Promise<PubAck> {
  const traceparent = row.payload.includes('"traceparent"')
    ? (JSON.parse(row.payload) as PortcullisEvent).traceparent
    : undefined;
  const attributes = {
    'messaging.system': 'nats',
    'messaging.operation.type': 'send',
    'messaging.destination.name': row.subject,
    'messaging.message.id': row.eventId,
  };
  return inProducerSpan(traceparent, `send ${row.subject}`, attributes, publish);
}

async function publishRow(nc: NatsConnection, row: OutboxRow, lastSeq: number, lastMsgID?: string): Promise<PubAck> {
  const ack = await jetstream(nc, { timeout: JETSTREAM_TIMEOUT_MS }).publish(row.subject, row.payload, {
    msgID: row.eventId,
    timeout: JETSTREAM_TIMEOUT_MS,
    expect: { streamName: EVENTS_STREAM, lastSequence: lastSeq, ...(lastMsgID === undefined ? {} : { lastMsgID }) },
  });
  // Anyone who subscribes to the subject could have answered: only an ack that names the stream and a sequence is one.
  if (ack.stream !== EVENTS_STREAM || !Number.isSafeInteger(ack.seq) || ack.seq < 1) {
    throw new Error('The answer is not an ack of the stream');
  }
  if (!ack.duplicate && ack.seq !== lastSeq + 1) throw new Error(`Acknowledged as ${ack.seq}, expected ${lastSeq + 1}`);
  return ack;
}
