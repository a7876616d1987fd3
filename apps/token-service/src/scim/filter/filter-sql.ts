import { readResourceId } from '../protocol/resource-id.js';
import { badRequest } from '../protocol/scim-problem.js';
import type { AttributePath } from '../schema/attribute-path.js';
import type { Comparison, Filter } from './filter.js';

/** One value, as an expression. `id`: a whole number that SCIM shows as text. */
export interface SqlValue {
  readonly sql: string;
  readonly type: 'text' | 'lower-case text' | 'boolean' | 'instant' | 'id';
  readonly caseExact?: boolean;
}

/** The values of a multi-valued attribute, as rows. */
export interface SqlValues {
  readonly from: string;
  readonly where?: string;
  /** A sub-attribute of the row; undefined: not to be compared. */
  value(subAttribute: string): SqlValue | undefined;
  /** By sub-attribute: a condition that an index answers, and that holds wherever a value equals. It comes first. */
  readonly indexed?: Readonly<Record<string, (parameter: string) => string>>;
}

/** Where the attributes of a type of resource are in the database. */
export interface SqlColumns {
  /** undefined: not to be filtered by. */
  value(path: AttributePath): SqlValue | undefined;
  values(path: AttributePath): SqlValues | undefined;
}

/** The values of a statement, in order. */
export class SqlParameters {
  readonly values: unknown[] = [];

  /** @returns how the statement calls it */
  add(value: unknown): string {
    return `$${this.values.push(value)}`;
  }
}

/**
 * Turns a filter into a condition. Names come from the schemas, values become parameters. A condition may be NULL, which counts
 * as not true; `IS NOT TRUE` keeps `not` right all the same, and leaves plain comparisons to the indexes.
 *
 * @throws Problem 400 `invalidFilter` for an attribute that can't be filtered by
 */
export function filterSql(filter: Filter, columns: SqlColumns, parameters: SqlParameters): string {
  switch (filter.op) {
    case 'and':
    case 'or':
      return `(${filter.filters.map((each) => filterSql(each, columns, parameters)).join(filter.op === 'and' ? ' AND ' : ' OR ')})`;
    case 'not':
      return `((${filterSql(filter.filter, columns, parameters)}) IS NOT TRUE)`;
    case 'never':
      return 'FALSE';
    case '[]':
      return valuesSql(filter.path, filter.filter, columns, parameters);
    default:
      return filter.path.attribute.multiValued
        ? valuesSql(filter.path, filter, columns, parameters)
        : leafSql(filter, columns.value(filter.path), parameters);
  }
}

/** There is a value for which the whole of `inner` holds. */
function valuesSql(path: AttributePath, inner: Filter, columns: SqlColumns, parameters: SqlParameters): string {
  const values = columns.values(path);
  if (!values) throw notFilterable(path);
  const ofValue: SqlColumns = {
    value: ({ subAttribute }) => (subAttribute ? values.value(subAttribute.name) : { sql: '0', type: 'text' }),
    values: () => undefined,
  };
  const conditions = [...(values.where ? [values.where] : []), innerSql(inner, ofValue, parameters)];
  const exists = `EXISTS (SELECT FROM ${values.from} WHERE ${conditions.join(' AND ')})`;
  const indexed = indexedConditions(inner, values, parameters);
  return indexed.length > 0 ? `(${[...indexed, exists].join(' AND ')})` : exists;
}

function innerSql(inner: Filter, ofValue: SqlColumns, parameters: SqlParameters): string {
  switch (inner.op) {
    case 'and':
    case 'or':
      return `(${inner.filters.map((each) => innerSql(each, ofValue, parameters)).join(inner.op === 'and' ? ' AND ' : ' OR ')})`;
    case 'not':
      return `((${innerSql(inner.filter, ofValue, parameters)}) IS NOT TRUE)`;
    case '[]':
    case 'never':
      return 'FALSE';
    default:
      return leafSql(inner, ofValue.value(inner.path), parameters);
  }
}

/** Of the comparisons that all must hold, those that an index answers. */
function indexedConditions(inner: Filter, values: SqlValues, parameters: SqlParameters): string[] {
  if (inner.op === 'and') return inner.filters.flatMap((each) => indexedConditions(each, values, parameters));
  const condition = inner.op === 'eq' ? values.indexed?.[inner.path.subAttribute?.name ?? ''] : undefined;
  return condition && inner.op === 'eq' ? [condition(parameters.add(inner.value))] : [];
}

function leafSql(
  filter: Extract<Filter, { op: Comparison | 'pr' }>,
  value: SqlValue | undefined,
  parameters: SqlParameters,
): string {
  if (!value) throw notFilterable(filter.path);
  if (filter.op === 'pr') return `${value.sql} IS NOT NULL`;
  return comparisonSql(filter.op, value, filter.value, parameters);
}

function comparisonSql(op: Comparison, value: SqlValue, wanted: string | boolean, parameters: SqlParameters): string {
  if (value.type === 'boolean') return orderedSql(op, value.sql, `${parameters.add(wanted)}::boolean`);
  if (value.type === 'instant') return orderedSql(op, value.sql, `${parameters.add(wanted)}::timestamptz`);
  const text = String(wanted);
  if (value.type === 'id' && (op === 'eq' || op === 'ne')) return idSql(op, value.sql, text, parameters);
  const isFolded = value.type === 'text' && !value.caseExact;
  const fold = (sql: string): string => (isFolded ? `lower(${sql})` : sql);
  const held = fold(value.type === 'id' ? `${value.sql}::text` : value.sql);
  const given = value.type === 'lower-case text' ? text.toLowerCase() : text;
  if (op === 'co' || op === 'sw' || op === 'ew') return `${held} LIKE ${fold(parameters.add(pattern(op, given)))}`;
  const parameter = fold(`${parameters.add(given)}::text`);
  return op === 'eq' || op === 'ne'
    ? orderedSql(op, held, parameter)
    : orderedSql(op, `${held} COLLATE "C"`, parameter);
}

const OPERATORS = { eq: '=', ne: 'IS DISTINCT FROM', gt: '>', ge: '>=', lt: '<', le: '<=' } as const;

function orderedSql(op: Comparison, left: string, right: string): string {
  return `${left} ${OPERATORS[op as keyof typeof OPERATORS]} ${right}`;
}

/** An id that can't be one of ours is nobody's. */
function idSql(op: 'eq' | 'ne', sql: string, text: string, parameters: SqlParameters): string {
  const id = readResourceId(text);
  if (id === undefined) return op === 'eq' ? 'FALSE' : 'TRUE';
  return orderedSql(op, sql, `${parameters.add(id)}::integer`);
}

function pattern(op: 'co' | 'sw' | 'ew', text: string): string {
  const literal = text.replace(/[\\%_]/g, '\\$&');
  return `${op === 'sw' ? '' : '%'}${literal}${op === 'ew' ? '' : '%'}`;
}

function notFilterable({ attribute, subAttribute }: AttributePath): Error {
  const name = subAttribute ? `${attribute.name}.${subAttribute.name}` : attribute.name;
  return badRequest('invalidFilter', `The filter is not valid: ${name} can't be filtered by`);
}
