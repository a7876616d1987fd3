import type { EntityManager } from 'typeorm';
import { prepared } from '../database/prepared.js';
import { TOKEN_COLUMNS_SQL, type TokenRow } from './token-row.js';

const DEPTH_MAX = 100;

export interface LockedToken extends TokenRow {
  /** How many active tokens were made with this one, and with those, and so on. */
  active_descendants: number;
}

/** Locks these tokens, in the order of their ids, and reads them as they are then. */
export function lockTokens(manager: EntityManager, ids: readonly number[]): Promise<TokenRow[]> {
  return prepared<TokenRow>(manager, LOCK_SQL, [ids]);
}

/** Locks one token and counts its descendants. */
export async function lockToken(manager: EntityManager, id: number): Promise<LockedToken | undefined> {
  const [row] = await prepared<LockedToken>(manager, LOCK_ONE_SQL, [id]);
  return row;
}

/** Locks all tokens of a user. */
export function lockTokensOf(manager: EntityManager, userId: number): Promise<TokenRow[]> {
  return prepared<TokenRow>(manager, LOCK_OF_USER_SQL, [userId]);
}

/**
 * Locks all that were made with a token, and with those, and so on. A token must be locked before its children are looked for:
 * issuing locks the parent too, so none can be made behind our back.
 */
export async function lockDescendants(manager: EntityManager, tokenId: number): Promise<TokenRow[]> {
  const descendants: TokenRow[] = [];
  let parents = [tokenId];
  for (let depth = 0; depth < DEPTH_MAX; depth++) {
    const children = await manager.query<{ id: number }[]>(CHILDREN_SQL, [parents]);
    if (children.length === 0) break;
    parents = children.map((child) => child.id);
    descendants.push(...(await lockTokens(manager, parents)));
  }
  return descendants;
}

const COLUMNS_SQL = `${TOKEN_COLUMNS_SQL}, (SELECT last_used FROM token_last_used WHERE token_id = t.id) AS last_used`;
const SELECT_SQL = `SELECT ${COLUMNS_SQL} FROM tokens t JOIN users u ON u.id = t.user_id`;
const CHILDREN_SQL = 'SELECT id FROM tokens WHERE parent_token_id = ANY($1)';
const ACTIVE_DESCENDANTS_SQL = `(
  WITH RECURSIVE descendant AS (
    SELECT * FROM tokens WHERE parent_token_id = t.id
    UNION ALL SELECT child.* FROM tokens child JOIN descendant ON child.parent_token_id = descendant.id
  ) SELECT count(*) FROM descendant WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()))`;
const LOCK_ONE_SQL = `
  SELECT ${COLUMNS_SQL}, ${ACTIVE_DESCENDANTS_SQL} AS active_descendants
  FROM tokens t JOIN users u ON u.id = t.user_id WHERE t.id = $1 FOR UPDATE OF t`;
const LOCK_SQL = `${SELECT_SQL} WHERE t.id = ANY($1) ORDER BY t.id FOR UPDATE OF t`;
const LOCK_OF_USER_SQL = `${SELECT_SQL} WHERE t.user_id = $1 ORDER BY t.id FOR UPDATE OF t`;
export const READ_TOKEN_SQL = `${SELECT_SQL} WHERE t.id = $1`;
