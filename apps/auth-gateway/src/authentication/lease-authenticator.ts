import type { Caller, TokenAuthenticator, TokenVerifier } from '@portcullis/access-control';
import { Problem } from '@portcullis/contracts';
import type { AccessReplica } from '../access-view/access-replica.js';
import { admit } from '../access-view/admission.js';
import type { Clock } from '../access-view/clock.js';
import type { Lease } from '../access-view/lease.js';

export const ACCESS_VIEW_STALE = new Problem(
  503,
  'access_view_stale',
  'This gateway has not heard from the token-service for too long to admit anyone',
  { headers: { 'Retry-After': '1' } },
);

/** What to do with a token while the lease is over. */
export type WhenStale = (token: string) => Caller | Problem | Promise<Caller | Problem>;

interface Dependencies {
  lease: Lease;
  replica: AccessReplica;
  verifier: TokenVerifier;
  clock: Clock;
  /** `allow`: go on with the last view. Chosen by `PORTCULLIS_WHEN_STALE`, and told in receipts. */
  whenStale: WhenStale | 'allow';
  /** The fault harness shows with it that it notices a gateway that breaks the rule. Never outside of tests. */
  unsafeTestIgnoreLease?: boolean;
}

/**
 * Decides on a bearer token, as `TokenAuthenticator`. The lease is looked at and the view is read in one turn of the event
 * loop, so that nothing can be admitted on a view that the lease doesn't cover.
 */
export function leaseAuthenticator(deps: Dependencies): TokenAuthenticator {
  const { lease, replica, verifier, clock, whenStale, unsafeTestIgnoreLease = false } = deps;
  const goesOn = whenStale === 'allow' || unsafeTestIgnoreLease;
  return (token) => {
    const view = replica.view;
    if (!view) return ACCESS_VIEW_STALE; // no keys either
    if (!goesOn && !lease.holds()) return whenStale(token);
    const nowSeconds = Math.floor(clock.wallMs() / 1000);
    const verified = verifier.verify(token, nowSeconds);
    return verified instanceof Problem ? verified : admit(verified, view, nowSeconds);
  };
}
