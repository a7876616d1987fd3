import { Readable } from 'node:stream';
import type { AuditRecordDto } from '@portcullis/contracts';

export const EXPORT_TYPES = ['text/csv', 'application/x-ndjson'] as const;
export type ExportType = (typeof EXPORT_TYPES)[number];

const COLUMNS = [
  'id', 'at', 'actor_id', 'actor_user_id', 'actor_credential', 'action', 'target', 'before', 'after', 'address', 'request_id',
] as const satisfies readonly (keyof AuditRecordDto)[]; // prettier-ignore

/** The form that a request asks for: the first in `Accept` that there is. undefined: a page of JSON. */
export function exportTypeOf(accept: string | undefined): ExportType | undefined {
  for (const range of accept?.toLowerCase().split(',') ?? []) {
    const type = range.split(';')[0]!.trim();
    const found = EXPORT_TYPES.find((each) => each === type);
    if (found) return found;
    if (type === 'application/json') return undefined;
  }
  return undefined;
}

/** Records as they are read, written out one batch at a time: the reader's pace is that of the database. */
export function exportStream(batches: AsyncIterable<AuditRecordDto[]>, type: ExportType): Readable {
  return Readable.from(type === 'text/csv' ? csv(batches) : ndjson(batches), { objectMode: false });
}

async function* ndjson(batches: AsyncIterable<AuditRecordDto[]>): AsyncGenerator<string> {
  for await (const batch of batches) yield batch.map((record) => `${JSON.stringify(record)}\n`).join('');
}

/** RFC 4180. */
async function* csv(batches: AsyncIterable<AuditRecordDto[]>): AsyncGenerator<string> {
  yield `${COLUMNS.join(',')}\r\n`;
  for await (const batch of batches) {
    yield batch.map((record) => `${COLUMNS.map((column) => cell(record[column])).join(',')}\r\n`).join('');
  }
}

function cell(value: AuditRecordDto[keyof AuditRecordDto]): string {
  if (value === null) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  // A spreadsheet would take such a cell for a formula, and people choose their names themselves.
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
