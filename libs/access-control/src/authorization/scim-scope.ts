import { type ErrorForm, insufficientScope, type Problem, PROBLEM_DETAILS, SCIM_ERROR } from '@portcullis/contracts';
import type { Caller } from '../authentication/caller.js';

const ONLY_SCIM = insufficientScope('A SCIM administration token opens /scim/v2/* and nothing else');
const NOT_FOR_SCIM = insufficientScope('SCIM needs a SCIM administration token or an unrestricted token of an Admin');
const NO_LONGER_ADMIN = insufficientScope('The owner of this SCIM administration token is no longer an Admin');

const SCIM_PREFIXES = ['/scim/v2', '/api/scim/v2'] as const;

/** Whether a normalised path belongs to SCIM (RFC 7644 section 3.1). */
export function isScimPath(path: string): boolean {
  return SCIM_PREFIXES.some(
    (prefix) => path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === '/'),
  );
}

/** How an answer to a request with this target says what went wrong: SCIM has a form of its own. */
export function errorFormFor(target: string): ErrorForm {
  const end = target.indexOf('?');
  return isScimPath(end === -1 ? target : target.slice(0, end)) ? SCIM_ERROR : PROBLEM_DETAILS;
}

/**
 * The SCIM scope rule: a SCIM token opens SCIM and nothing else; SCIM takes SCIM tokens and unrestricted tokens of Admins.
 * A service user's SCIM token works whatever that user's role; a person's only while they are Admin.
 *
 * @returns the problem to answer with, or undefined when the rule lets the caller through
 */
export function scimScopeRefusal(caller: Caller, scimRoute: boolean): Problem | undefined {
  const isAdmin = caller.principal.role === 'Admin';
  if (!caller.scim) return scimRoute && !isAdmin ? NOT_FOR_SCIM : undefined;
  if (!scimRoute) return ONLY_SCIM;
  return caller.principal.user_type === 'Service' || isAdmin ? undefined : NO_LONGER_ADMIN;
}
