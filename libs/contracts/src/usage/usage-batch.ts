import type { RefusedUse } from './refused-use.js';

/** Usage reports travel on a work-queue stream, one message per batch, with a MAC by the gateway's lease key. */
export const USAGE_STREAM = 'PORTCULLIS_USAGE';
export const usageSubject = (instance: string): string => `portcullis.usage.${instance.replaceAll('.', '_')}`;
export const USAGE_SUBJECTS = 'portcullis.usage.>';

/** Requests admitted with one token in one hour. */
export interface UsageEntry {
  token_id: number;
  /** Start of the hour, seconds since 1970. */
  hour: number;
  count: number;
  /** Latest use, milliseconds since 1970. */
  last_used: number;
  /** Address of the latest caller. */
  ip: string;
}

export interface UsageBatch {
  /** UUID: a batch that is delivered twice is counted once. */
  id: string;
  instance: string;
  entries: UsageEntry[];
  /** Uses that were refused, `REFUSED_USES_MAX` at most; left out when there are none. */
  refused?: RefusedUse[];
}

export const USAGE_BATCH_ENTRIES_MAX = 500;
