import type { EntityManager } from 'typeorm';
import type { JsonObject } from '../protocol/json.js';

/** A person as SCIM shows them. */
export interface UserRow {
  id: number;
  user_name: string;
  email: string;
  name: string;
  active: boolean;
  external_id: string | null;
  /** Made or adopted over SCIM. */
  scim_managed: boolean;
  /** null: never written over SCIM. */
  scim_attributes: JsonObject | null;
  created_at: Date;
  updated_at: Date;
  groups: { value: string; display: string }[];
}

/** Selects people `u`, to be followed by conditions. Service users aren't people. */
const USER_ROWS_SQL = `
  SELECT u.id, u.user_name, u.email, u.name, u.active, u.external_id, u.scim_managed, u.scim_attributes, u.created_at,
    u.updated_at, ARRAY(SELECT json_build_object('value', team.id::text, 'display', team.name)
      FROM team_members member JOIN teams team ON team.id = member.team_id
      WHERE member.user_id = u.id ORDER BY team.id) AS groups
  FROM users u WHERE u.user_type = 'User'`;

/** These people, in this order. Apart from finding them: Postgres works out the groups of everyone whom an OFFSET skips. */
export async function readUserRows(manager: EntityManager, ids: readonly number[]): Promise<UserRow[]> {
  const sql = `${USER_ROWS_SQL} AND u.id = ANY($1::integer[]) ORDER BY array_position($1::integer[], u.id)`;
  return manager.query<UserRow[]>(sql, [ids]);
}

export async function readUserRow(manager: EntityManager, id: number): Promise<UserRow | undefined> {
  const [row] = await readUserRows(manager, [id]);
  return row;
}
