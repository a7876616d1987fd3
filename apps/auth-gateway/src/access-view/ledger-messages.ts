import {
  type AccessEntry,
  type AccessFeedMessage,
  CHANGE_ENTRIES_MAX,
  type IntrospectResponse,
  type KeysResponse,
  type KeyValue,
  type PrincipalValue,
  type RegisterResponse,
  type RenewResponse,
  type Role,
  ROLES,
  tokenRangeOf,
  type TokenValue,
  USER_TYPES,
  type UserType,
} from '@portcullis/contracts';
import type { LedgerFact } from './access-view.js';

/** What came over a wire is not what it should be. */
export class MalformedMessage extends Error {}

const NUMERIC_ID = /^[1-9]\d{0,15}$/;
const LEASE_MS_MAX = 600_000;
const TOKEN_VALUES: readonly TokenValue[] = ['revoked', 'deleted', 'active'];
const KEY_VALUES: readonly KeyValue[] = ['signing', 'verifying', 'retired'];

/** @throws MalformedMessage, like every function here */
export function parseFact(kind: unknown, id: unknown, value: unknown): LedgerFact {
  if (typeof id !== 'string' || id === '') throw new MalformedMessage('an entry has no id');
  if (kind === 'key') return { kind, id, value: oneOf(KEY_VALUES, value, 'key state') };
  if (kind === 'void_tokens') {
    if (!tokenRangeOf(id)) throw new MalformedMessage('an id is not a range of tokens');
    return { kind, id, value: oneOf(['deleted'], value, 'state of void tokens') };
  }
  if (!NUMERIC_ID.test(id) || !Number.isSafeInteger(Number(id))) throw new MalformedMessage('an id is not a number');
  if (kind === 'token') return { kind, id, value: parseTokenState(value) };
  if (kind === 'principal') return { kind, id, value: value === null ? null : parsePrincipal(value) };
  throw new MalformedMessage('an entry is of an unknown kind');
}

export function parseTokenState(value: unknown): TokenValue {
  return oneOf(TOKEN_VALUES, value, 'token state');
}

export function tokenIdOf(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 1) throw new MalformedMessage('an id is not a number');
  return value as number;
}

export function parseFeedMessage(text: string): AccessFeedMessage {
  const message = record(parseJson(text));
  const epoch = string(message['epoch'], 'epoch');
  if (message['type'] === 'heartbeat') {
    return { type: 'heartbeat', epoch, seq: seqOf(message['seq']), at: number(message['at'], 'at') };
  }
  if (message['type'] !== 'change') throw new MalformedMessage('a feed message is of an unknown type');
  const from = seqOf(message['from']);
  const to = seqOf(message['to']);
  if (from < 1 || from > to) throw new MalformedMessage('a change has an empty range');
  if (message['entries'] === undefined) return { type: 'change', epoch, from, to };
  const entries = parseEntries(message['entries'], from, to);
  if (entries.length > CHANGE_ENTRIES_MAX) throw new MalformedMessage('a change has too many entries');
  return { type: 'change', epoch, from, to, entries };
}

export function parseRegisterResponse(body: unknown): RegisterResponse {
  const { lease_id, lease_key } = record(body);
  return { lease_id: string(lease_id, 'lease_id'), lease_key: string(lease_key, 'lease_key') };
}

export function parseRenewResponse(body: unknown): RenewResponse {
  const response = record(body);
  const leaseMs = number(response['lease_ms'], 'lease_ms');
  if (leaseMs <= 0 || leaseMs > LEASE_MS_MAX) throw new MalformedMessage('lease_ms is out of range');
  const seq = seqOf(response['seq']);
  const head = {
    lease_ms: leaseMs,
    epoch: string(response['epoch'], 'epoch'),
    seq,
    now: number(response['now'], 'now'),
  };
  if (response['snapshot_required'] === true || response['entries'] === undefined) {
    return { ...head, snapshot_required: true };
  }
  return { ...head, entries: parseEntries(response['entries'], 1, seq) };
}

export function parseIntrospectResponse(body: unknown): IntrospectResponse {
  const { active, principal, detail } = record(body);
  if (active === true) return { active, principal: parsePrincipal(principal) };
  if (active === false) return { active, detail: string(detail, 'detail') };
  throw new MalformedMessage('active is not true or false');
}

export function parseKeysResponse(body: unknown): KeysResponse {
  const response = record(body);
  const keys = response['keys'];
  if (!Array.isArray(keys)) throw new MalformedMessage('keys is not a list');
  for (const key of keys) string(record(key)['kid'], 'kid');
  return {
    issuer: string(response['issuer'], 'issuer'),
    keys: keys as KeysResponse['keys'],
    token_id_mac_key: string(response['token_id_mac_key'], 'token_id_mac_key'),
    feed_public_key: string(response['feed_public_key'], 'feed_public_key'),
  };
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new MalformedMessage('not JSON', { cause: error });
  }
}

export function record(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new MalformedMessage('not an object');
  return value as Record<string, unknown>;
}

export function string(value: unknown, name: string): string {
  if (typeof value !== 'string' || value === '') throw new MalformedMessage(`${name} is not a string`);
  return value;
}

export function seqOf(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw new MalformedMessage('a number is not a sequence');
  return value as number;
}

function number(value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new MalformedMessage(`${name} is not a number`);
  return value;
}

function parseEntries(value: unknown, from: number, to: number): AccessEntry[] {
  if (!Array.isArray(value)) throw new MalformedMessage('entries is not a list');
  return value.map((item) => {
    const { seq: candidate, kind, id, value: fact } = record(item);
    const seq = seqOf(candidate);
    if (seq < from || seq > to) throw new MalformedMessage('an entry is outside of its range');
    return { seq, ...parseFact(kind, id, fact) } as AccessEntry;
  });
}

function parsePrincipal(value: unknown): PrincipalValue {
  const { user_id, user_type, role, teams, active } = record(value);
  if (!Array.isArray(teams) || !teams.every((team) => typeof team === 'string')) {
    throw new MalformedMessage('teams is not a list of names');
  }
  if (typeof active !== 'boolean') throw new MalformedMessage('active is not true or false');
  return {
    user_id: string(user_id, 'user_id'),
    user_type: oneOf<UserType>(USER_TYPES, user_type, 'user_type'),
    role: oneOf<Role>(ROLES, role, 'role'),
    teams,
    active,
  };
}

/** Gives back the constant, not the parsed string, so that a hundred thousand principals share four roles. */
function oneOf<T extends string>(choices: readonly T[], value: unknown, name: string): T {
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw new MalformedMessage(`unknown ${name}`);
  return choice;
}
