import { type Problem, type RefusalReason, unauthorized } from '@portcullis/contracts';

/** What a token that was issued here is answered with when it opens nothing any more (401). */
export const TOKEN_REFUSALS: Readonly<Record<RefusalReason, Problem>> = {
  revoked: unauthorized('The token has been revoked', 'invalid_token'),
  expired: unauthorized('The token has expired', 'invalid_token'),
  deleted: unauthorized('The token no longer exists', 'invalid_token'),
  user_inactive: unauthorized('The user of this token is inactive', 'invalid_token'),
  user_deleted: unauthorized('The user of this token no longer exists', 'invalid_token'),
};

const REASONS = new Map(
  Object.entries(TOKEN_REFUSALS).map(([reason, { detail }]) => [detail, reason as RefusalReason]),
);

/** Why a token was refused; undefined: not because of what has become of a token whose signature is good. */
export function refusalReason({ status, detail }: Problem): RefusalReason | undefined {
  return status === 401 ? REASONS.get(detail) : undefined;
}

/**
 * The id in a token whose signature was found good before: nothing is checked here.
 *
 * @param authorization the value of the header, `Bearer <token>`
 */
export function verifiedTokenId(authorization: string | undefined): number | undefined {
  try {
    const payload = Buffer.from(authorization?.split('.')[1] ?? '', 'base64url').toString('utf8');
    const { jti } = JSON.parse(payload) as { jti?: unknown };
    const id = Number(String(jti).split('.')[0]);
    return Number.isSafeInteger(id) && id > 0 ? id : undefined;
  } catch {
    return undefined; // not a token at all
  }
}
