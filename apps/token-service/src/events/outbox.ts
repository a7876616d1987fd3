import { randomUUID } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import { currentTraceparent } from '@portcullis/telemetry';
import { type Write, writeAll } from '../database/write.js';
import {
  EVENT_SOURCE,
  EVENT_SUBJECTS,
  type EventData,
  type EventType,
  OUTBOX_PREFIX,
  type PortcullisEvent,
} from '@portcullis/contracts';

export interface NewEvent<T extends EventType = EventType> {
  type: T;
  /** `token/456` or `user/123`. */
  subject: string;
  data: EventData<T>;
  /** The number in the access ledger, when the event changes access. */
  accessSeq?: number;
}

/**
 * Largest event in bytes. NATS takes a megabyte by default, so an event within this bound can always be published, and no
 * row of the outbox can hold up those behind it for good.
 */
export const EVENT_BYTES_MAX = 512 * 1024;

/**
 * Writes events in the transaction that makes them true, with one statement. Hold the lock of a token's or user's row when
 * you call it: that is what makes their events' ids, and so the stream, follow the order of commits.
 *
 * @throws RangeError for an event of more than {@link EVENT_BYTES_MAX}.
 */
export async function appendToOutbox(manager: EntityManager, events: readonly NewEvent[]): Promise<void> {
  await writeAll(manager, [outboxInsert(events)]);
}

/** The same as a part of a statement that writes other things too; nothing when there are no events. */
export function outboxInsert(events: readonly NewEvent[]): Write | undefined {
  if (events.length === 0) return undefined;
  const rows = events.map((event) => {
    const id = randomUUID();
    return { id, subject: `${OUTBOX_PREFIX}.${EVENT_SUBJECTS[event.type]}`, payload: serialise(id, event) };
  });
  return { values: [JSON.stringify(rows)], sql: insertSql };
}

/**
 * The database puts its clock in the place of the marker. Not `now()`: that is when the transaction began, and one that waited for its
 * locks would tell of an earlier time than the event before it.
 */
const timeMarker = (eventId: string): string => `time of ${eventId}`;

const insertSql: Write['sql'] = ($) => `
  INSERT INTO outbox (event_id, subject, payload)
  SELECT e.id, e.subject,
         replace(e.payload, 'time of ' || e.id, to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
  FROM ROWS FROM (json_to_recordset(${$(1)}::json) AS (id uuid, subject text, payload text))
    WITH ORDINALITY AS e (id, subject, payload, position)
  ORDER BY e.position`;

function serialise(id: string, { type, subject, data, accessSeq }: NewEvent): string {
  const time = timeMarker(id);
  const traceparent = currentTraceparent();
  const event: PortcullisEvent = {
    specversion: '1.0',
    id,
    source: EVENT_SOURCE,
    type,
    subject,
    time,
    datacontenttype: 'application/json',
    ...(accessSeq === undefined ? {} : { accessseq: accessSeq }),
    ...(traceparent === undefined ? {} : { traceparent }),
    data: { ...data, event: { id, type, time } },
  };
  const payload = JSON.stringify(event);
  const sizeBytes = Buffer.byteLength(payload);
  if (sizeBytes > EVENT_BYTES_MAX)
    throw new RangeError(`${type} of ${subject} has ${sizeBytes} bytes, too many to publish`);
  return payload;
}
