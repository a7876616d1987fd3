import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { search, type Searched } from '../filter/search.js';
import type { JsonObject } from '../protocol/json.js';
import type { ListQuery } from '../protocol/list-query.js';
import { project } from '../protocol/projection.js';
import { USER_TYPE } from '../schema/resource-type.js';
import { USER_COLUMNS } from './user-columns.js';
import { userResource } from './user-resource.js';
import { readUserRows } from './user-row.js';

const SOURCE = `FROM users u WHERE u.user_type = 'User'`;
const PEOPLE: Searched = {
  type: USER_TYPE,
  columns: USER_COLUMNS,
  id: 'u.id',
  source: SOURCE,
  rows: `SELECT u.id ${SOURCE}`,
};

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
    const found = await search<{ id: number }>(this.dataSource, PEOPLE, query, onUnknown);
    const ids = found.rows.map(({ id }) => id);
    const rows = ids.length > 0 ? await readUserRows(this.dataSource.manager, ids) : [];
    return { resources: rows.map((row) => project(USER_TYPE, userResource(row, base), query)), total: found.total };
  }
}
