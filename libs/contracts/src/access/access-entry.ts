import type { Role, UserType } from '../roles.js';

/** What a gateway knows of someone who may enter. `null` stands for one who was deleted. */
export interface PrincipalValue {
  user_id: string;
  user_type: UserType;
  role: Role;
  /** Names of teams, `Public` first. */
  teams: string[];
  active: boolean;
}

/** `active` is a token that was revoked and restored; a token with no entry is simply active. */
export type TokenValue = 'revoked' | 'deleted' | 'active';

/** `verifying`: tokens signed with it are good, new ones are not signed with it. A key with no entry is unknown. */
export type KeyValue = 'signing' | 'verifying' | 'retired';

/**
 * One numbered fact of the access ledger: the latest word about a token, a principal or a signing key. `void_tokens` are the tokens
 * of a range of numbers, `<from>-<to>` with both ends, which a restored database can't know: each is refused as a deleted one is.
 */
export type AccessEntry =
  | { seq: number; kind: 'token'; id: string; value: TokenValue }
  | { seq: number; kind: 'principal'; id: string; value: PrincipalValue | null }
  | { seq: number; kind: 'key'; id: string; value: KeyValue }
  | { seq: number; kind: 'void_tokens'; id: string; value: 'deleted' };

/** Numbers of tokens, both ends included. */
export interface TokenRange {
  from: number;
  to: number;
}

/** What `<from>-<to>`, the id of a `void_tokens` entry, stands for; undefined when it isn't that. */
export function tokenRangeOf(id: string): TokenRange | undefined {
  const [, from, to] = (/^([1-9]\d{0,15})-([1-9]\d{0,15})$/.exec(id) ?? []).map(Number);
  return from && to && from <= to && Number.isSafeInteger(to) ? { from, to } : undefined;
}

export type AccessEntryKind = AccessEntry['kind'];

/** All that one transaction changed: the numbers `from`..`to`, gap-free. Signed, on `portcullis.access`. */
export interface AccessChange {
  type: 'change';
  epoch: string;
  from: number;
  to: number;
  /** Left out when there are more than {@link CHANGE_ENTRIES_MAX}: the gateway then renews at once. */
  entries?: AccessEntry[];
}

/** Says that the feed is alive and which number is the latest. `at` is the sender's wall clock in milliseconds. */
export interface AccessHeartbeat {
  type: 'heartbeat';
  epoch: string;
  seq: number;
  at: number;
}

export type AccessFeedMessage = AccessChange | AccessHeartbeat;

export const CHANGE_ENTRIES_MAX = 64;

/** NATS subjects of the access feed. Core NATS: nothing is stored. */
export const ACCESS_SUBJECT = 'portcullis.access';
export const ACK_SUBJECT = 'portcullis.gateways.ack';

/** What a gateway publishes on {@link ACK_SUBJECT} once it has applied everything up to `applied_seq`. */
export interface AccessAck {
  instance: string;
  lease_id: string;
  epoch: string;
  applied_seq: number;
}

/** Header of a feed message: base64url Ed25519 signature over the payload's bytes. */
export const SIGNATURE_HEADER = 'Portcullis-Signature';

/** Header of a gateway's message: `<lease id>.<base64url HMAC-SHA256 over the payload's bytes by its lease key>`. */
export const LEASE_MAC_HEADER = 'Portcullis-Lease-Mac';
