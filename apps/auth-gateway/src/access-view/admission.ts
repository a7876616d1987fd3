import { type Caller, TOKEN_REFUSALS, type VerifiedToken } from '@portcullis/access-control';
import type { Problem } from '@portcullis/contracts';
import type { AccessView } from './access-view.js';

/**
 * Whether a token that verifies still opens anything. Pure: no I/O, no clock of its own. Scope and role are for later.
 *
 * @param nowSeconds wall clock, seconds since 1970
 * @returns the caller, or the 401 to answer with (a shared object)
 */
export function admit(verified: VerifiedToken, view: AccessView, nowSeconds: number): Caller | Problem {
  if (nowSeconds >= verified.expiresAt) return TOKEN_REFUSALS.expired;
  const state = view.tokenState(verified.tokenId);
  if (state !== undefined) return TOKEN_REFUSALS[state];
  const principal = view.principal(verified.userId);
  if (principal === undefined) return TOKEN_REFUSALS.user_deleted;
  if (!principal.active) return TOKEN_REFUSALS.user_inactive;
  return { principal, tokenId: verified.tokenId, scim: verified.scim, expiresAt: verified.expiresAt };
}
