import type { EntityManager } from 'typeorm';
import { TOKEN_COLUMNS_SQL, type TokenRow } from './token-row.js';

const DEPTH_MAX = 100;

/** Locks these tokens, in the order of their ids, and reads them as they are then. */
export function lockTokens(manager: EntityManager, ids: readonly number[]): Promise<TokenRow[]> {
  return manager.query<TokenRow[]>(LOCK_SQL, [ids]);
}

/** Locks all tokens of a user. */
export function lockTokensOf(manager: EntityManager, userId: number): Promise<TokenRow[]> {
  return manager.query<TokenRow[]>(LOCK_OF_USER_SQL, [userId]);
}

/**
 * Locks all that were made with a token, and with those, and so on. A token must be locked before its children are looked for:
 * issuing locks the parent too, so none can be made behind our back.
 */
export async function lockDescendants(manager: EntityManager, tokenId: number): Promise<TokenRow[]> {
  const descendants: TokenRow[] = [];
  for (let parents = [tokenId], depth = 0; parents.length > 0 && depth < DEPTH_MAX; depth++) {
    const children = await manager.query<{ id: number }[]>('SELECT id FROM tokens WHERE parent_token_id = ANY($1)', [
      parents,
    ]);
    parents = children.map((child) => child.id);
    descendants.push(...(await lockTokens(manager, parents)));
  }
  return descendants;
}

const SELECT_SQL = `
  SELECT ${TOKEN_COLUMNS_SQL}, (SELECT last_used FROM token_last_used WHERE token_id = t.id) AS last_used
  FROM tokens t JOIN users u ON u.id = t.user_id`;
const LOCK_SQL = `${SELECT_SQL} WHERE t.id = ANY($1) ORDER BY t.id FOR UPDATE OF t`;
const LOCK_OF_USER_SQL = `${SELECT_SQL} WHERE t.user_id = $1 ORDER BY t.id FOR UPDATE OF t`;
export const READ_TOKEN_SQL = `${SELECT_SQL} WHERE t.id = $1`;
