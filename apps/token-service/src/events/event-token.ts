import type { EventToken, TokenType, UserType } from '@portcullis/contracts';
import { isoSeconds, isoSecondsOrNull } from '../database/iso-seconds.js';

/** A token with its user, as {@link EVENT_TOKEN_COLUMNS} selects it. */
export interface EventTokenRow {
  id: number;
  name: string;
  type: TokenType;
  scim: boolean;
  created_at: Date;
  expires_at: Date | null;
  owner_id: number;
  owner_user_id: string;
  owner_user_type: UserType;
}

/** For a query over `tokens t JOIN users u`. */
export const EVENT_TOKEN_COLUMNS = `t.id, t.name, t.type, t.scim, t.created_at, t.expires_at,
  u.id AS owner_id, u.user_id AS owner_user_id, u.user_type AS owner_user_type`;

/** What an event says of a token. */
export function eventTokenOf(row: EventTokenRow): EventToken {
  return {
    id: row.id,
    name: row.name,
    type: row.type,
    scim: row.scim,
    user: { id: row.owner_id, user_id: row.owner_user_id, user_type: row.owner_user_type },
    expiration: isoSecondsOrNull(row.expires_at),
    created_at: isoSeconds(row.created_at),
  };
}
