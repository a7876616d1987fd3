import type { TokenDto, TokenStatus, TokenType, TokenUserDto, UserType } from '@portcullis/contracts';
import { isoSeconds, isoSecondsOrNull } from '../database/iso-seconds.js';

/** A token with what is shown of it. Its HMAC is not among it. */
export interface TokenRow {
  id: number;
  name: string;
  type: TokenType;
  scim: boolean;
  status: TokenStatus;
  /** Its time has passed, whether it was revoked before or not. */
  expired: boolean;
  hint: string;
  parent_token_id: number | null;
  created_at: Date;
  created_by_id: number | null;
  created_by: TokenUserDto | null;
  expires_at: Date | null;
  revoked_by_admin: boolean;
  last_used: Date | null;
  owner_id: number;
  owner_user_id: string;
  owner_name: string;
  owner_user_type: UserType;
}

export const STATUS_SQL = `CASE WHEN t.revoked_at IS NOT NULL THEN 'Revoked' WHEN t.expires_at <= now() THEN 'Expired' ELSE 'Active' END`;

export const TOKEN_COLUMNS_SQL = `
  t.id, t.name, t.type, t.scim, t.hint, t.parent_token_id, t.created_at, t.created_by_id, t.expires_at, t.revoked_by_admin,
  ${STATUS_SQL} AS status, coalesce(t.expires_at <= now(), false) AS expired,
  u.id AS owner_id, u.user_id AS owner_user_id, u.name AS owner_name, u.user_type AS owner_user_type,
  (SELECT json_build_object('id', maker.id, 'user_id', maker.user_id, 'name', maker.name, 'user_type', maker.user_type)
   FROM users maker WHERE maker.id = t.created_by_id) AS created_by`;

export function tokenDto(row: TokenRow): TokenDto {
  return {
    id: row.id,
    name: row.name,
    type: row.type,
    scim: row.scim,
    active: row.status === 'Active',
    status: row.status,
    created_at: isoSeconds(row.created_at),
    created_by_id: row.created_by_id,
    created_by: row.created_by,
    parent_token_id: row.parent_token_id,
    expiration: isoSecondsOrNull(row.expires_at),
    last_used: isoSecondsOrNull(row.last_used),
    usage_status: row.last_used ? 'Last Used' : 'Not Used',
    hint: row.hint,
    user: { id: row.owner_id, user_id: row.owner_user_id, name: row.owner_name, user_type: row.owner_user_type },
  };
}
