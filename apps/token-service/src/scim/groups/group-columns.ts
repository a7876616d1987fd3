import { PUBLIC_TEAM } from '@portcullis/contracts';
import type { SqlColumns, SqlValue, SqlValues } from '../filter/filter-sql.js';

const COLUMNS: Readonly<Record<string, SqlValue>> = {
  id: { sql: 'team.id', type: 'id' },
  externalId: { sql: 'team.external_id', type: 'text', caseExact: true },
  displayName: { sql: 'team.name', type: 'text' },
};

const META: Readonly<Record<string, SqlValue>> = {
  resourceType: { sql: `'Group'::text`, type: 'text', caseExact: true },
  created: { sql: 'team.created_at', type: 'instant' },
  lastModified: { sql: `date_trunc('milliseconds', team.updated_at)`, type: 'instant' },
};

const MEMBER_VALUES: Readonly<Record<string, SqlValue>> = {
  value: { sql: 'member.user_id', type: 'id' },
  display: { sql: 'u.name', type: 'text' },
  type: { sql: `'User'::text`, type: 'text' },
};

const MEMBERS: SqlValues = {
  from: 'team_members member JOIN users u ON u.id = member.user_id',
  where: `member.team_id = team.id AND u.user_type = 'User'`,
  value: (name) => MEMBER_VALUES[name],
};

/** Where a group's attributes are, with `teams team`. */
export const GROUP_COLUMNS: SqlColumns = {
  value: ({ attribute, subAttribute }) =>
    attribute.name === 'meta' ? META[subAttribute?.name ?? ''] : COLUMNS[attribute.name],
  values: ({ attribute }) => (attribute.name === 'members' ? MEMBERS : undefined),
};

/** The team that everyone is in has no members of its own, and is no group. */
export const GROUPS_SQL = `
  SELECT team.id, team.name, team.external_id, team.version, team.created_at, team.updated_at
  FROM teams team WHERE team.name <> '${PUBLIC_TEAM}'`;
