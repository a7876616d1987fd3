import type { RefusedUse } from '@portcullis/contracts';
import type { EntityManager } from 'typeorm';

/**
 * Writes uses of revoked and expired tokens into the audit trail: as done by the token's user, with that token.
 *
 * @param gateway where they were refused
 */
export async function appendRefusedUses(
  manager: EntityManager,
  uses: readonly RefusedUse[],
  gateway: string,
): Promise<void> {
  if (uses.length === 0) return;
  await manager.query(INSERT_SQL, [JSON.stringify(uses), gateway]);
}

// Of a token that is gone with its user, only the number is left.
const INSERT_SQL = `
  INSERT INTO audit (actor_id, actor_user_id, actor_credential, action, target, after, address, request_id)
  SELECT u.id, u.user_id, used.token, 'token.refused', used.token,
    jsonb_build_object('reason', use.reason, 'route', use.route, 'gateway', $2::text, 'count', use.count,
      'last_at', to_char(to_timestamp(use.last_at / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')),
    nullif(use.ip, ''), nullif(use.request_id, '')
  FROM json_to_recordset($1::json) AS use (token_id bigint, reason text, ip text, route text, request_id text, count bigint,
    last_at bigint)
  CROSS JOIN LATERAL (SELECT 'token/' || CASE use.token_id WHEN 0 THEN 'many' ELSE use.token_id::text END AS token) used
  LEFT JOIN tokens t ON t.id = use.token_id LEFT JOIN users u ON u.id = t.user_id`;
