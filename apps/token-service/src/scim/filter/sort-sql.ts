import { badRequest } from '../protocol/scim-problem.js';
import { findAttribute } from '../schema/attribute.js';
import { type AttributePath, findPath } from '../schema/attribute-path.js';
import type { ResourceType } from '../schema/resource-type.js';
import type { SqlColumns, SqlValue } from './filter-sql.js';

/**
 * An ORDER BY for `sortBy` (RFC 7644 section 3.4.2.3). What is unassigned comes last, or first in descending order, as Postgres
 * has it; several values count as the primary one.
 *
 * @param id settles ties, so that pages neither repeat nor miss anyone
 * @throws Problem 400 `invalidPath`
 */
export function orderSql(
  type: ResourceType,
  sortBy: string | undefined,
  descending: boolean,
  columns: SqlColumns,
  id: string,
): string {
  const direction = descending ? 'DESC' : 'ASC';
  if (sortBy === undefined) return `ORDER BY ${id} ${direction}`;
  const path = findPath(type, sortBy);
  const expression = path && sortExpression(path, columns);
  if (!expression) throw badRequest('invalidPath', `sortBy: ${type.name} can't be sorted by ${sortBy.slice(0, 200)}`);
  return `ORDER BY ${expression} ${direction}, ${id}`;
}

function sortExpression(path: AttributePath, columns: SqlColumns): string | undefined {
  const { attribute } = path;
  const subAttribute = path.subAttribute ?? findAttribute(attribute.subAttributes ?? [], 'value');
  if (attribute.type === 'complex' && !subAttribute) return undefined;
  if (!attribute.multiValued) return ordered(columns.value(subAttribute ? { ...path, subAttribute } : path));

  const values = columns.values(path);
  const value = values && subAttribute && ordered(values.value(subAttribute.name));
  if (!values || !value) return undefined;
  const isPrimary = values.value('primary');
  const first = isPrimary ? ` ORDER BY coalesce(${isPrimary.sql}, false) DESC` : '';
  return `(SELECT ${value} FROM ${values.from}${values.where ? ` WHERE ${values.where}` : ''}${first} LIMIT 1)`;
}

function ordered(value: SqlValue | undefined): string | undefined {
  if (value?.type === 'lower-case text') return `${value.sql} COLLATE "C"`;
  if (value?.type !== 'text') return value?.sql;
  return value.caseExact ? `${value.sql} COLLATE "C"` : `lower(${value.sql}) COLLATE "C"`;
}
