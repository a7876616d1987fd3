import type { Caller, Principal } from '@portcullis/access-control';

interface Precomputed {
  userId: Principal['user_id'];
  role: Principal['role'];
  teams: Principal['teams'];
  headers: readonly string[];
}

/** By principal; an entry goes when the access view drops its principal. */
const precomputed = new WeakMap<Principal, Precomputed>();

/** Appends the `X-Auth-*` headers that tell an upstream who is calling to a flat list of names and values. */
export function appendIdentity(headers: string[], caller: Caller): void {
  for (const part of principalHeaders(caller.principal)) headers.push(part);
  if (caller.tokenId !== null) headers.push('X-Auth-Token-Id', String(caller.tokenId));
}

function principalHeaders(principal: Principal): readonly string[] {
  const known = precomputed.get(principal);
  if (known?.role === principal.role && known.userId === principal.user_id && known.teams === principal.teams) {
    return known.headers;
  }
  const headers = [
    'X-Auth-User-Id',
    String(principal.id),
    'X-Auth-User',
    encodeForHeader(principal.user_id),
    'X-Auth-User-Type',
    principal.user_type,
    'X-Auth-Role',
    principal.role,
    'X-Auth-Teams',
    principal.teams.map(encodeListItem).join(','),
  ];
  precomputed.set(principal, { userId: principal.user_id, role: principal.role, teams: principal.teams, headers });
  return headers;
}

/** Percent-encodes (as UTF-8) what a header field can't hold, and `%` itself, so that decoding gives the text back. */
export function encodeForHeader(text: string): string {
  return text.toWellFormed().replace(/[^\x20-\x7E]|%|^ | $/gu, encodeURIComponent);
}

function encodeListItem(text: string): string {
  return encodeForHeader(text).replaceAll(',', '%2C');
}
