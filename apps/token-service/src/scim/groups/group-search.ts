import { Injectable } from '@nestjs/common';
import { PUBLIC_TEAM } from '@portcullis/contracts';
import { DataSource } from 'typeorm';
import { search, type Searched } from '../filter/search.js';
import type { JsonObject } from '../protocol/json.js';
import type { ListQuery } from '../protocol/list-query.js';
import { leavesOut, project } from '../protocol/projection.js';
import { GROUP_TYPE } from '../schema/resource-type.js';
import { GROUP_COLUMNS, GROUPS_SQL } from './group-columns.js';
import { groupResource, type GroupRow, readMembers } from './group-row.js';

const GROUPS: Searched = {
  type: GROUP_TYPE,
  columns: GROUP_COLUMNS,
  id: 'team.id',
  source: `FROM teams team WHERE team.name <> '${PUBLIC_TEAM}'`,
  rows: GROUPS_SQL,
};

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
    const { rows, total } = await search<GroupRow>(this.dataSource, GROUPS, query, onUnknown);
    return { resources: await this.resources(rows, query, base), total };
  }

  private async resources(rows: GroupRow[], query: ListQuery, base: string): Promise<JsonObject[]> {
    const showsMembers = !leavesOut(GROUP_TYPE, 'members', query);
    const ids = showsMembers ? rows.map(({ id }) => id) : [];
    const members = ids.length > 0 ? await readMembers(this.dataSource.manager, ids) : undefined;
    return rows.map((row) => project(GROUP_TYPE, groupResource(row, members?.get(row.id), base), query));
  }
}
