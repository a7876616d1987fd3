import { USAGE_KEPT_DAYS } from '@portcullis/contracts';

/** Rows that say nothing any more after some time, and that nobody is told of. `$1`: how many at most. */
export interface PurgedTable {
  name: string;
  sql: string;
}

// The oldest rows have the lowest ids: looking at those alone needs no index over the time.
const PUBLISHED_EVENTS_SQL = `
  DELETE FROM outbox o
  USING (SELECT id, published_at FROM outbox ORDER BY id LIMIT $1) oldest
  WHERE o.id = oldest.id AND oldest.published_at < now() - interval '1 day'`;

// Long after the last time that one could be delivered again.
const USAGE_BATCHES_SQL = `
  DELETE FROM usage_batches
  WHERE id IN (SELECT id FROM usage_batches WHERE received_at < now() - interval '1 day' LIMIT $1)`;

// The last usage report of a gateway that is gone may still be on its way, and its key is needed for that.
const ENDED_LEASES_SQL = `
  DELETE FROM gateway_leases
  WHERE lease_id IN (
    SELECT lease_id FROM gateway_leases WHERE coalesce(released_at, fenced_at) < now() - interval '7 days' LIMIT $1)`;

const HOURLY_USAGE_SQL = `
  DELETE FROM token_usage_hourly
  WHERE (token_id, hour) IN (
    SELECT token_id, hour FROM token_usage_hourly WHERE hour < now() - interval '${USAGE_KEPT_DAYS} days' LIMIT $1)`;

// A day is the longest time without a request that can be set.
const SESSIONS_SQL = `
  DELETE FROM sessions
  WHERE id IN (
    SELECT id FROM sessions WHERE expires_at < now() OR last_seen_at < now() - interval '1 day' LIMIT $1)`;
const CLI_CODES_SQL = `
  DELETE FROM cli_codes WHERE code_hash IN (SELECT code_hash FROM cli_codes WHERE expires_at < now() LIMIT $1)`;

// Where all attempts are there again, a row says no more than no row.
const SIGN_IN_LIMITS_SQL = `
  DELETE FROM sign_in_limits
  WHERE (kind, slot) IN (SELECT kind, slot FROM sign_in_limits WHERE full_at < now() LIMIT $1 FOR UPDATE SKIP LOCKED)
    AND full_at < now()`;
const SIGN_IN_ADDRESSES_SQL = `
  DELETE FROM sign_in_addresses
  WHERE (user_id, address) IN (
    SELECT user_id, address FROM sign_in_addresses WHERE last_at < now() - interval '90 days' LIMIT $1)`;

export const PURGED_TABLES: readonly PurgedTable[] = [
  { name: 'published_events', sql: PUBLISHED_EVENTS_SQL },
  { name: 'usage_batches', sql: USAGE_BATCHES_SQL },
  { name: 'gateway_leases', sql: ENDED_LEASES_SQL },
  { name: 'hourly_usage', sql: HOURLY_USAGE_SQL },
  { name: 'sessions', sql: SESSIONS_SQL },
  { name: 'cli_codes', sql: CLI_CODES_SQL },
  { name: 'sign_in_limits', sql: SIGN_IN_LIMITS_SQL },
  { name: 'sign_in_addresses', sql: SIGN_IN_ADDRESSES_SQL },
];
