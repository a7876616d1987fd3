import { All, Body, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiExcludeEndpoint } from '@nestjs/swagger';
import { Problem } from '@portcullis/contracts';
import { GroupSearch } from '../groups/group-search.js';
import { type JsonObject, readBody } from '../protocol/json.js';
import { listResponse, readListQuery } from '../protocol/list-query.js';
import { CurrentScimCall, ScimAnswer, type ScimCall, ScimController } from '../protocol/scim-call.js';
import { badRequest } from '../protocol/scim-problem.js';
import { UserSearch } from '../users/user-search.js';

/** What is about no single type of resource. */
@ScimController('')
export class ScimRootController {
  constructor(
    private readonly users: UserSearch,
    private readonly groups: GroupSearch,
  ) {}

  @Get()
  @ScimAnswer()
  find(@Query() query: Record<string, unknown>, @CurrentScimCall() call: ScimCall): Promise<JsonObject> {
    return this.search(query, call);
  }

  @Post('.search')
  @HttpCode(200)
  @ScimAnswer()
  findByPost(@Body() body: unknown, @CurrentScimCall() call: ScimCall): Promise<JsonObject> {
    return this.search(readBody(body), call);
  }

  /** RFC 7644 section 3.11. A SCIM token is an identity provider's and stands for no person. */
  @All('Me')
  @ApiExcludeEndpoint()
  me(): never {
    throw new Problem(
      501,
      'not_implemented',
      'A SCIM token stands for an identity provider and not for a person: no /Me',
    );
  }

  /** People come first, then groups; a page may hold both. An attribute that a type doesn't have counts as unassigned. */
  private async search(given: Record<string, unknown>, { base }: ScimCall): Promise<JsonObject> {
    const query = readListQuery(given);
    if (query.sortBy !== undefined)
      throw badRequest('invalidValue', 'sortBy: sorts people or groups, not both at once');
    const people = await this.users.find(query, base, 'never');
    const groups = await this.groups.find(
      {
        ...query,
        startIndex: Math.max(1, query.startIndex - people.total),
        count: query.count - people.resources.length,
      },
      base,
      'never',
    );
    const resources = [...people.resources, ...groups.resources];
    return listResponse(resources, people.total + groups.total, query.startIndex);
  }
}
