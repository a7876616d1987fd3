import type { EntityManager } from 'typeorm';
import type { AccessTransaction } from './access-transaction.js';

/** Numbers that may have been given out since the backup. */
const LOST_IDS_MAX = 1_000_000;
/** Tokens are committed in another order than they are numbered: this far below the last known one may be one that is lost. */
const UNSETTLED_IDS_MAX = 10_000;

export interface VoidTokens {
  /** The range that was made void, both ends included. */
  from: number;
  to: number;
  /** How many numbers below the range, which no token has, were made void one by one. */
  missing: number;
}

/**
 * Makes void every token that the restored database can't know, and goes on behind their numbers. It is the tokens that are there
 * which say where those numbers begin: a sequence runs ahead of them, by 32 in what Postgres writes to its log.
 */
export async function voidLostTokens(tx: AccessTransaction): Promise<VoidTokens> {
  const [range] = await tx.manager.query<{ from: number; to: number; missing: number[] }[]>(VOID_TOKENS_SQL, [
    LOST_IDS_MAX,
    UNSETTLED_IDS_MAX,
  ]);
  const { from, to, missing } = range!;
  tx.record([
    { kind: 'void_tokens', id: `${from}-${to}`, value: 'deleted' },
    ...missing.map((id) => ({ kind: 'token', id: String(id), value: 'deleted' }) as const),
  ]);
  return { from, to, missing: missing.length };
}

/** Were the number of a lost user given to somebody else, the lost user's tokens would be taken for theirs. */
export async function skipLostUsers(manager: EntityManager): Promise<void> {
  await manager.query(SKIP_USERS_SQL, [LOST_IDS_MAX]);
}

const TOKEN_IDS = `pg_get_serial_sequence('tokens', 'id')`;
const USER_IDS = `pg_get_serial_sequence('users', 'id')`;

const VOID_TOKENS_SQL = `
  WITH known AS (
    SELECT coalesce((SELECT max(id) FROM tokens), 0) AS token, coalesce((
      SELECT max(split_part(id, '-', 2)::bigint) FROM access_entries WHERE kind = 'void_tokens'), 0) AS void
  )
  SELECT greatest(token, void) + 1 AS from, setval(${TOKEN_IDS}, greatest(nextval(${TOKEN_IDS}), token, void) + $1) AS to,
    ARRAY(
      SELECT number::float8 FROM generate_series(greatest(token - $2, void) + 1, token) AS number
      WHERE NOT EXISTS (SELECT FROM tokens WHERE id = number)
        AND NOT EXISTS (SELECT FROM access_entries WHERE kind = 'token' AND id = number::text)
    ) AS missing
  FROM known`;
const SKIP_USERS_SQL = `SELECT setval(${USER_IDS}, nextval(${USER_IDS}) + $1)`;
