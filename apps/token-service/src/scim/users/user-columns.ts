import type { SqlColumns, SqlValue, SqlValues } from '../filter/filter-sql.js';
import { jsonValue, jsonValues } from '../filter/json-columns.js';
import type { AttributePath } from '../schema/attribute-path.js';

/** Where a person's attributes are, with `users u`. */
export const USER_COLUMNS: SqlColumns = { value: userValue, values: userValues };

const ATTRIBUTES = 'u.scim_attributes';

const COLUMNS: Readonly<Record<string, SqlValue>> = {
  id: { sql: 'u.id', type: 'id' },
  externalId: { sql: 'u.external_id', type: 'text', caseExact: true },
  userName: { sql: 'u.user_id', type: 'lower-case text' },
  // As it is shown: a name that the provider didn't give is no displayName.
  displayName: {
    sql: `CASE WHEN ${ATTRIBUTES} IS NULL OR ${ATTRIBUTES} ? 'displayName' THEN u.name END`,
    type: 'text',
  },
  active: { sql: 'u.active', type: 'boolean' },
};

const META: Readonly<Record<string, SqlValue>> = {
  resourceType: { sql: `'User'::text`, type: 'text', caseExact: true },
  created: { sql: 'u.created_at', type: 'instant' },
  lastModified: { sql: `date_trunc('milliseconds', u.updated_at)`, type: 'instant' },
};

function userValue({ extension, attribute, subAttribute }: AttributePath): SqlValue | undefined {
  const object = extension ? `${ATTRIBUTES} -> '${extension.id}'` : ATTRIBUTES;
  if (!extension && attribute.name === 'meta') return META[subAttribute?.name ?? ''];
  if (!extension && Object.hasOwn(COLUMNS, attribute.name)) return COLUMNS[attribute.name];
  if (attribute.name === 'schemas') return undefined;
  return subAttribute ? jsonValue(`${object} -> '${attribute.name}'`, subAttribute) : jsonValue(object, attribute);
}

function userValues({ attribute }: AttributePath): SqlValues | undefined {
  if (attribute.name === 'schemas') return undefined;
  if (attribute.name === 'groups') return GROUPS;
  if (attribute.name !== 'emails') return jsonValues(`${ATTRIBUTES} -> '${attribute.name}'`, attribute);
  return {
    ...jsonValues(EMAILS_SQL, attribute),
    indexed: { value: (parameter) => `scim_emails(${ATTRIBUTES}, u.email) @> ARRAY[lower(${parameter}::text)]` },
  };
}

/** People who were never written over SCIM have the one address that they were made with. */
const EMAILS_SQL = `CASE WHEN ${ATTRIBUTES} IS NULL
  THEN jsonb_build_array(jsonb_build_object('value', u.email, 'type', 'work', 'primary', true)) ELSE ${ATTRIBUTES} -> 'emails' END`;

const GROUP_VALUES: Readonly<Record<string, SqlValue>> = {
  value: { sql: 'team.id', type: 'id' },
  display: { sql: 'team.name', type: 'text' },
  type: { sql: `'direct'::text`, type: 'text' },
};

const GROUPS: SqlValues = {
  from: 'team_members member JOIN teams team ON team.id = member.team_id',
  where: 'member.user_id = u.id',
  value: (name) => GROUP_VALUES[name],
};
