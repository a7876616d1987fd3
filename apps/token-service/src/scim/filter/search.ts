import type { DataSource } from 'typeorm';
import type { ListQuery } from '../protocol/list-query.js';
import type { ResourceType } from '../schema/resource-type.js';
import { parseFilter } from './filter-parser.js';
import { filterSql, type SqlColumns, SqlParameters } from './filter-sql.js';
import { orderSql } from './sort-sql.js';

/** What is searched, as the database has it. */
export interface Searched {
  type: ResourceType;
  columns: SqlColumns;
  /** The unique column that comes last in every order. */
  id: string;
  /** `FROM … WHERE …`, without the filter. */
  source: string;
  /** `SELECT … FROM … WHERE …`, without the filter. */
  rows: string;
}

/**
 * Finds a page of resources, in the database.
 *
 * @param query with the place and size of the page
 * @param onUnknown what an attribute in the filter means that these resources don't have
 */
export async function search<Row>(
  dataSource: DataSource,
  { type, columns, id, source, rows }: Searched,
  query: ListQuery,
  onUnknown: 'refuse' | 'never',
): Promise<{ rows: Row[]; total: number }> {
  const parameters = new SqlParameters();
  const filter = query.filter && parseFilter(query.filter, type, onUnknown);
  const condition = filter ? ` AND (${filterSql(filter, columns, parameters)})` : '';
  const order = orderSql(type, query.sortBy, query.descending, columns, id);

  const counted = `SELECT count(*) AS total ${source}${condition}`;
  const [{ total } = { total: 0 }] = await dataSource.query<{ total: number }[]>(counted, [...parameters.values]);
  if (query.count === 0 || query.startIndex > total) return { rows: [], total };
  const page = `${order} LIMIT ${parameters.add(query.count)} OFFSET ${parameters.add(query.startIndex - 1)}`;
  return { rows: await dataSource.query<Row[]>(`${rows}${condition} ${page}`, parameters.values), total };
}
