import type { AccessEntry, KeyValue, PrincipalValue, TokenValue } from './access-entry.js';

/**
 * The internal API between gateways and the token-service, on a port of its own.
 * Each request shows the internal secret in the header {@link INTERNAL_SECRET_HEADER}.
 *
 *   POST   /internal/access/leases               register      {@link RegisterRequest} → {@link RegisterResponse}
 *   POST   /internal/access/leases/:lease_id     renew         {@link RenewRequest} → {@link RenewResponse}
 *   DELETE /internal/access/leases/:lease_id     release       204
 *   POST   /internal/access/introspect           {@link IntrospectRequest} → {@link IntrospectResponse}
 *   GET    /internal/access/snapshot             NDJSON: {@link SnapshotHeader}, {@link SnapshotPage}…, {@link SnapshotEnd}
 *   GET    /internal/keys                        {@link KeysResponse}
 */
export const INTERNAL_SECRET_HEADER = 'portcullis-internal-secret';

export const WHEN_STALE = ['deny', 'allow'] as const;
export type WhenStale = (typeof WHEN_STALE)[number];

export interface RegisterRequest {
  /** The gateway's name, one per gateway: 1–64 characters of `A-Z a-z 0-9 . _ -`. */
  instance: string;
  /** What the gateway does when its lease is over; `deny` when absent. Receipts say so of one that allows. */
  when_stale?: WhenStale;
  /** Which of the gateway's workers this is, from 0: one that registers again stands in for the process before it. */
  worker?: number;
}

export interface RegisterResponse {
  /** This process's lease: the instance name and a random part. */
  lease_id: string;
  /** base64url, 32 bytes: authenticates this gateway's acks and usage reports. */
  lease_key: string;
}

export interface RenewRequest {
  epoch: string;
  applied_seq: number;
  /** Requests taken, per second, in the last seconds; for people to look at. */
  requests_per_second?: number;
  /** Of these, refused by the gateway itself. */
  refused_per_second?: number;
}

export interface RenewResponse {
  lease_ms: number;
  epoch: string;
  /** The latest number, read in the same statement as `entries`. */
  seq: number;
  /** Wall clock of the database in milliseconds, to find gateways whose clock is off. */
  now: number;
  /** All that is newer than `applied_seq`, by number. Left out when a snapshot has to be taken instead. */
  entries?: AccessEntry[];
  snapshot_required?: boolean;
}

/** Asks about a token that verifies, while the lease is over. One call per request, never shared or cached. */
export interface IntrospectRequest {
  token_id: number;
  user_id: number;
}

/** `active` as in RFC 7662 section 2.2: the token opens something at this moment, by the primary database. */
export type IntrospectResponse = { active: true; principal: PrincipalValue } | { active: false; detail: string };

/** First line of a snapshot. */
export interface SnapshotHeader {
  epoch: string;
  /** The number that all entries are true at. */
  seq: number;
}

/** No line of a snapshot may be longer, so that a broken sender can't fill a gateway's memory. */
export const SNAPSHOT_LINE_BYTES_MAX = 8 * 1024 * 1024;

/** A page: the ids of tokens in one state, or entries of another kind, `[id, value]` each. */
export type SnapshotPage =
  | { kind: 'token'; state: TokenValue; ids: number[] }
  | { kind: 'principal'; entries: [id: string, value: PrincipalValue | null][] }
  | { kind: 'key'; entries: [id: string, value: KeyValue][] }
  | { kind: 'void_tokens'; entries: [id: string, value: 'deleted'][] };

/** Last line: a snapshot without it, or with another number of entries, was cut off and must not be used. */
export interface SnapshotEnd {
  end: true;
  count: number;
}

export type TokenAlgorithm = 'EdDSA' | 'HS256';

/** A key that verifies tokens. `public_key` is a JWK `x` (base64url, 32 bytes) for EdDSA, `secret` base64url for HS256. */
export interface VerificationKey {
  kid: string;
  alg: TokenAlgorithm;
  public_key?: string;
  secret?: string;
}

export interface KeysResponse {
  issuer: string;
  /** All keys that are not retired. */
  keys: VerificationKey[];
  /** base64url, 32 bytes: makes the MAC in a `jti`. */
  token_id_mac_key: string;
  /** base64url Ed25519 public key (32 bytes) that signs the access feed. */
  feed_public_key: string;
}

/**
 * What the gateway puts on a request that it passes to the token-service:
 * `<instance>;<base64url HMAC-SHA256 by the internal secret over forwardedByPayload()>`.
 * It vouches for `X-Forwarded-For` and `X-Request-Id`, and says that the gateway has counted the use of the token.
 */
export const FORWARDED_BY_HEADER = 'portcullis-forwarded-by';

export function forwardedByPayload(
  instance: string,
  requestId: string,
  clientAddress: string,
  method: string,
  target: string,
): string {
  return ['forwarded-by', instance, requestId, clientAddress, method, target].join('\n');
}
