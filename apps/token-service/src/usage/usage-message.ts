import type { JsMsg } from '@nats-io/jetstream';
import {
  isPlainText,
  LEASE_MAC_HEADER,
  REFUSAL_REASONS,
  REFUSED_USES_MAX,
  type RefusedUse,
  USAGE_BATCH_ENTRIES_MAX,
  type UsageBatch,
  type UsageEntry,
  usageSubject,
} from '@portcullis/contracts';
import { leaseMacMatches, parseLeaseMac } from '@portcullis/messaging';
import type { LeaseKeys } from './usage-options.js';

/** Why a report was thrown away. */
export const USAGE_REJECTIONS = [
  'too_large',
  'no_mac',
  'unknown_lease',
  'wrong_mac',
  'malformed',
  'not_applicable',
] as const;
export type UsageRejection = (typeof USAGE_REJECTIONS)[number];

const MESSAGE_BYTES_MAX = 512 * 1024;
const INSTANCE = /^[A-Za-z0-9._-]{1,64}$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const COUNT_MAX = 1_000_000_000;
const ADDRESS_LENGTH_MAX = 64;
const ROUTE_LENGTH_MAX = 1_024;
const REQUEST_ID_LENGTH_MAX = 128;
const HOUR_SECONDS = 3_600;
/** Last moment that is read as milliseconds: the year 2255. */
const TIME_MS_MAX = 9_000_000_000_000;

/**
 * Authenticates a gateway's report by its lease, then checks all of it. Nothing is parsed before the MAC is right.
 *
 * @throws what {@link LeaseKeys} throws: the report may well be good, so it has to be asked again.
 */
export async function readUsageMessage(
  message: Pick<JsMsg, 'data' | 'headers' | 'subject'>,
  leaseKeys: LeaseKeys,
): Promise<UsageBatch | { rejection: UsageRejection }> {
  if (message.data.length > MESSAGE_BYTES_MAX) return { rejection: 'too_large' };
  const claim = parseLeaseMac(message.headers?.get(LEASE_MAC_HEADER));
  if (!claim) return { rejection: 'no_mac' };
  const key = await leaseKeys.keyOf(claim.leaseId);
  if (!key) return { rejection: 'unknown_lease' };
  if (!leaseMacMatches(claim.mac, key, message.data)) return { rejection: 'wrong_mac' };
  const batch = parseBatch(message.data);
  const isOwn =
    batch && claim.leaseId.startsWith(`${batch.instance}:`) && message.subject === usageSubject(batch.instance);
  return isOwn ? batch : { rejection: 'malformed' };
}

/** @returns the batch with nothing but its known fields; nothing when any of them is wrong. */
function parseBatch(data: Uint8Array): UsageBatch | undefined {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data));
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const { id, instance, entries, refused = [] } = value;
  if (typeof id !== 'string' || !UUID.test(id)) return undefined;
  if (typeof instance !== 'string' || !INSTANCE.test(instance)) return undefined;
  if (!Array.isArray(entries) || entries.length > USAGE_BATCH_ENTRIES_MAX || !entries.every(isEntry)) return undefined;
  if (!Array.isArray(refused) || refused.length > REFUSED_USES_MAX) return undefined;
  return { id, instance, entries, refused: refused.filter(isRefusedUse) }; // one that is odd costs nobody their usage
}

function isEntry(value: unknown): value is UsageEntry {
  if (!isObject(value)) return false;
  const { token_id: tokenId, hour, count, last_used: lastUsed, ip } = value;
  return (
    isWithin(tokenId, 1, Number.MAX_SAFE_INTEGER) &&
    isWithin(hour, 0, TIME_MS_MAX / 1_000) &&
    (hour as number) % HOUR_SECONDS === 0 &&
    isWithin(count, 1, COUNT_MAX) &&
    isWithin(lastUsed, 0, TIME_MS_MAX) &&
    isText(ip, ADDRESS_LENGTH_MAX)
  );
}

function isRefusedUse(value: unknown): value is RefusedUse {
  if (!isObject(value)) return false;
  const { token_id: tokenId, reason, ip, route, request_id: requestId, count, last_at: lastAt } = value;
  return (
    isWithin(tokenId, 0, Number.MAX_SAFE_INTEGER) &&
    (REFUSAL_REASONS as readonly unknown[]).includes(reason) &&
    isText(ip, ADDRESS_LENGTH_MAX) &&
    isText(route, ROUTE_LENGTH_MAX) &&
    isText(requestId, REQUEST_ID_LENGTH_MAX) &&
    isWithin(count, 1, COUNT_MAX) &&
    isWithin(lastAt, 0, TIME_MS_MAX)
  );
}

function isText(value: unknown, lengthMax: number): boolean {
  return isPlainText(value) && value.length <= lengthMax;
}

function isWithin(value: unknown, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
