import type { AccessTransaction } from '../access/access-transaction.js';
import type { Actor } from '../audit/actor.js';
import type { User } from '../users/user.entity.js';
import { lockTokensOf } from './locked-tokens.js';
import { deleteTokens, revokeTokens } from './token-changes.js';

/** Takes all tokens of a user away, for good: each active one is revoked and then deleted, so that subscribers hear of both. */
export async function deleteAllTokensOf(tx: AccessTransaction, user: User, actor: Actor): Promise<void> {
  const tokens = await lockTokensOf(tx.manager, user.id);
  revokeTokens(tx, tokens.filter((token) => token.status === 'Active'), 'user_deleted', actor); // prettier-ignore
  await deleteTokens(tx, tokens, actor);
}
