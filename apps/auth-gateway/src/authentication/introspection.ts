import type { Caller, TokenVerifier, VerifiedToken } from '@portcullis/access-control';
import { Problem, unauthorized } from '@portcullis/contracts';
import type { Clock } from '../access-view/clock.js';
import type { InternalApiClient } from '../access-view/internal-api.client.js';
import { ACCESS_VIEW_STALE, type WhenStale } from './lease-authenticator.js';

/** More at once would only pile up behind a token-service that is in trouble already. */
const UNDER_WAY_MAX = 64;

/**
 * Asks a token-service about each request while the lease is over. The question is put after the request came and its answer
 * counts for that request alone: an answer that was shared or kept could be older than a revocation that has returned.
 */
export class Introspection {
  #underWay = 0;

  constructor(
    private readonly api: Pick<InternalApiClient, 'introspect'>,
    private readonly verifier: TokenVerifier,
    private readonly clock: Clock,
  ) {}

  /** @returns the caller, the 401 of a token that opens nothing, or 503 when nobody can be asked or it may be of a key that is made since */
  readonly decide: WhenStale = (token) => {
    const verified = this.verifier.verify(token, Math.floor(this.clock.wallMs() / 1000));
    if (verified instanceof Problem) return this.verifier.mayBeOfNewerKey(token) ? ACCESS_VIEW_STALE : verified;
    if (this.#underWay >= UNDER_WAY_MAX) return ACCESS_VIEW_STALE;
    return this.ask(verified);
  };

  private async ask({ tokenId, userId, scim, expiresAt }: VerifiedToken): Promise<Caller | Problem> {
    this.#underWay += 1;
    try {
      const answer = await this.api.introspect({ token_id: tokenId, user_id: userId });
      if (!answer.active) return unauthorized(answer.detail, 'invalid_token');
      return { principal: { id: userId, ...answer.principal }, tokenId, scim, expiresAt };
    } catch {
      return ACCESS_VIEW_STALE; // unreachable: the renewals that fail meanwhile say so in the log
    } finally {
      this.#underWay -= 1;
    }
  }
}
