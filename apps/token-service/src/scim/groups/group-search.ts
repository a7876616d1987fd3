import { Injectable } from '@nestjs/common';
import { PUBLIC_TEAM } from '@portcullis/contracts';
import { DataSource } from 'typeorm';
import { parseFilter } from '../filter/filter-parser.js';
import { filterSql, SqlParameters } from '../filter/filter-sql.js';
import { orderSql } from '../filter/sort-sql.js';
import type { JsonObject } from '../protocol/json.js';
import type { ListQuery } from '../protocol/list-query.js';
import { leavesOut, project } from '../protocol/projection.js';
import { GROUP_TYPE } from '../schema/resource-type.js';
import { GROUP_COLUMNS, GROUPS_SQL } from './group-columns.js';
import { groupResource, type GroupRow, readMembers } from './group-row.js';

/** Finds groups, in the database. */
@Injectable()
export class GroupSearch {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * @param query with the place and size of the page
   * @param onUnknown what an attribute in the filter means that groups don't have
   */
  async find(
    query: ListQuery,
    base: string,
    onUnknown: 'refuse' | 'never' = 'refuse',
  ): Promise<{ resources: JsonObject[]; total: number }> {
    const parameters = new SqlParameters();
    const filter = query.filter && parseFilter(query.filter, GROUP_TYPE, onUnknown);
    const condition = filter ? ` AND (${filterSql(filter, GROUP_COLUMNS, parameters)})` : '';
    const order = orderSql(GROUP_TYPE, query.sortBy, query.descending, GROUP_COLUMNS, 'team.id');

    const counted = `SELECT count(*) AS total FROM teams team WHERE team.name <> '${PUBLIC_TEAM}'${condition}`;
    const [{ total } = { total: 0 }] = await this.dataSource.query<{ total: number }[]>(counted, [
      ...parameters.values,
    ]);
    if (query.count === 0 || query.startIndex > total) return { resources: [], total };
    const page = `${order} LIMIT ${parameters.add(query.count)} OFFSET ${parameters.add(query.startIndex - 1)}`;
    const rows = await this.dataSource.query<GroupRow[]>(`${GROUPS_SQL}${condition} ${page}`, parameters.values);
    return { resources: await this.resources(rows, query, base), total };
  }

  private async resources(rows: GroupRow[], query: ListQuery, base: string): Promise<JsonObject[]> {
    const showsMembers = !leavesOut(GROUP_TYPE, 'members', query);
    const ids = showsMembers ? rows.map(({ id }) => id) : [];
    const members = ids.length > 0 ? await readMembers(this.dataSource.manager, ids) : undefined;
    return rows.map((row) => project(GROUP_TYPE, groupResource(row, members?.get(row.id), base), query));
  }
}
