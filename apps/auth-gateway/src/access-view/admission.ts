import type { Caller, VerifiedToken } from '@portcullis/access-control';
import { Problem, unauthorized } from '@portcullis/contracts';
import type { AccessView } from './access-view.js';

const REVOKED = unauthorized('The token has been revoked', 'invalid_token');
const DELETED = unauthorized('The token no longer exists', 'invalid_token');
const EXPIRED = unauthorized('The token has expired', 'invalid_token');
const UNKNOWN_USER = unauthorized('The user of this token no longer exists', 'invalid_token');
const INACTIVE_USER = unauthorized('The user of this token is inactive', 'invalid_token');

/**
 * Whether a token that verifies still opens anything. Pure: no I/O, no clock of its own. Scope and role are for later.
 *
 * @param nowSeconds wall clock, seconds since 1970
 * @returns the caller, or the 401 to answer with (a shared object)
 */
export function admit(verified: VerifiedToken, view: AccessView, nowSeconds: number): Caller | Problem {
  if (nowSeconds >= verified.expiresAt) return EXPIRED;
  const state = view.tokenState(verified.tokenId);
  if (state !== undefined) return state === 'revoked' ? REVOKED : DELETED;
  const principal = view.principal(verified.userId);
  if (principal === undefined) return UNKNOWN_USER;
  if (!principal.active) return INACTIVE_USER;
  return { principal, tokenId: verified.tokenId, scim: verified.scim, expiresAt: verified.expiresAt };
}
