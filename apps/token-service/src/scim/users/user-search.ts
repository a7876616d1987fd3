import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { parseFilter } from '../filter/filter-parser.js';
import { filterSql, SqlParameters } from '../filter/filter-sql.js';
import { orderSql } from '../filter/sort-sql.js';
import type { JsonObject } from '../protocol/json.js';
import type { ListQuery } from '../protocol/list-query.js';
import { project } from '../protocol/projection.js';
import { USER_TYPE } from '../schema/resource-type.js';
import { USER_COLUMNS } from './user-columns.js';
import { userResource } from './user-resource.js';
import { readUserRows } from './user-row.js';

/** Finds people, in the database. */
@Injectable()
export class UserSearch {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * @param query with the place and size of the page
   * @param onUnknown what an attribute in the filter means that people don't have
   */
  async find(
    query: ListQuery,
    base: string,
    onUnknown: 'refuse' | 'never' = 'refuse',
  ): Promise<{ resources: JsonObject[]; total: number }> {
    const parameters = new SqlParameters();
    const filter = query.filter && parseFilter(query.filter, USER_TYPE, onUnknown);
    const condition = filter ? ` AND (${filterSql(filter, USER_COLUMNS, parameters)})` : '';
    const order = orderSql(USER_TYPE, query.sortBy, query.descending, USER_COLUMNS, 'u.id');

    const counted = `SELECT count(*) AS total FROM users u WHERE u.user_type = 'User'${condition}`;
    const [{ total } = { total: 0 }] = await this.dataSource.query<{ total: number }[]>(counted, [
      ...parameters.values,
    ]);
    if (query.count === 0 || query.startIndex > total) return { resources: [], total };
    const page = `${order} LIMIT ${parameters.add(query.count)} OFFSET ${parameters.add(query.startIndex - 1)}`;
    const matching = `SELECT u.id FROM users u WHERE u.user_type = 'User'${condition} ${page}`;
    const ids = await this.dataSource.query<{ id: number }[]>(matching, parameters.values);
    const rows = await readUserRows(
      this.dataSource.manager,
      ids.map(({ id }) => id),
    );
    return { resources: rows.map((row) => project(USER_TYPE, userResource(row, base), query)), total };
  }
}
