import type { EntityManager } from 'typeorm';
import { weakTag } from '../protocol/entity-tag.js';
import type { Json, JsonObject } from '../protocol/json.js';
import { GROUP_SCHEMA_ID } from '../schema/group.schema.js';
import { GROUPS_SQL } from './group-columns.js';

/** A team as SCIM shows it, without its members. */
export interface GroupRow {
  id: number;
  name: string;
  external_id: string | null;
  /** Counts changes of the team and of who is in it. */
  version: number;
  created_at: Date;
  updated_at: Date;
}

export interface MemberRow {
  id: number;
  name: string;
}

export async function readGroupRow(manager: EntityManager, id: number): Promise<GroupRow | undefined> {
  const [row] = await manager.query<GroupRow[]>(`${GROUPS_SQL} AND team.id = $1`, [id]);
  return row;
}

/** The people in these teams, by team. */
export async function readMembers(
  manager: EntityManager,
  teamIds: readonly number[],
): Promise<ReadonlyMap<number, MemberRow[]>> {
  const rows = await manager.query<(MemberRow & { team_id: number })[]>(MEMBERS_SQL, [teamIds]);
  return Map.groupBy(rows, ({ team_id }) => team_id);
}

/** @param members undefined: not to be shown */
export function groupResource(row: GroupRow, members: readonly MemberRow[] | undefined, base: string): JsonObject {
  return {
    schemas: [GROUP_SCHEMA_ID],
    id: String(row.id),
    ...(row.external_id !== null && { externalId: row.external_id }),
    displayName: row.name,
    ...(members && members.length > 0 && { members: members.map((member) => memberValue(member, base)) }),
    meta: {
      resourceType: 'Group',
      created: row.created_at.toISOString(),
      lastModified: row.updated_at.toISOString(),
      location: `${base}/Groups/${row.id}`,
      version: groupTag(row),
    },
  };
}

export function groupTag({ id, version }: GroupRow): string {
  return weakTag(id, version);
}

function memberValue({ id, name }: MemberRow, base: string): Json {
  return { value: String(id), $ref: `${base}/Users/${id}`, display: name, type: 'User' };
}

const MEMBERS_SQL = `
  SELECT member.team_id, u.id, u.name FROM team_members member JOIN users u ON u.id = member.user_id
  WHERE member.team_id = ANY($1) AND u.user_type = 'User' ORDER BY u.id`;
