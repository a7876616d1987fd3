import { createHash } from 'node:crypto';
import type { Principal } from '@portcullis/access-control';
import type { PrincipalValue } from '@portcullis/contracts';
import { TEAM_NAMES_SQL } from '../users/principals.js';

/** A signed-in session that holds. */
export interface Session {
  readonly id: number;
  readonly principal: Principal;
  readonly signedInAt: Date;
  readonly expiresAt: Date;
}

export interface SessionRow extends PrincipalValue {
  session_id: number;
  created_at: Date;
  expires_at: Date;
  /** Its last use is to be written again. */
  is_due: boolean;
  id: number;
}

/** What is stored of a cookie's or a code's secret: with 256 random bits, a plain hash tells nothing of it. */
export function secretHash(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

export function sessionOf(row: SessionRow): Session {
  const { id, user_id, user_type, role, teams, active } = row;
  return {
    id: row.session_id,
    principal: { id, user_id, user_type, role, teams, active },
    signedInAt: row.created_at,
    expiresAt: row.expires_at,
  };
}

/** Sessions `s` of users `u` that hold. @param idleMinutes the parameter with the longest time without a request */
export const holdsSql = (idleMinutes: string): string =>
  `s.expires_at > now() AND s.last_seen_at > now() - make_interval(mins => ${idleMinutes}) AND u.active`;

export const SESSION_COLUMNS_SQL = `s.id AS session_id, s.created_at, s.expires_at,
  s.last_seen_at < now() - interval '20 seconds' AS is_due,
  u.id, u.user_id, u.user_type, u.role, u.active, ${TEAM_NAMES_SQL} AS teams`;
