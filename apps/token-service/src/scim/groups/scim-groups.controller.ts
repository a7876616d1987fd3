import { Body, Delete, Get, HttpCode, Param, Patch, Post, Put, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { AccessOutcome } from '../../access/access-outcome.js';
import { type JsonObject, readBody } from '../protocol/json.js';
import { listResponse, readListQuery, readSelection } from '../protocol/list-query.js';
import type { Selection } from '../protocol/projection.js';
import { answerChange, answerNothing, answerResource } from '../protocol/scim-answer.js';
import { CurrentScimCall, ScimAnswer, type ScimCall, ScimController } from '../protocol/scim-call.js';
import { GROUP_TYPE } from '../schema/resource-type.js';
import { ScimGroupsService } from './scim-groups.service.js';
import { GroupSearch } from './group-search.js';

type QueryParameters = Record<string, unknown>;

/** A group may have thousands of members: a PATCH answers 204 unless the client asks to see attributes (RFC 7644 section 3.5.2). */
const WITHOUT_MEMBERS: Selection = { attributes: [], excludedAttributes: ['members'] };

@ScimController('/Groups')
export class ScimGroupsController {
  constructor(
    private readonly groups: ScimGroupsService,
    private readonly search: GroupSearch,
  ) {}

  @Get()
  @ScimAnswer()
  async find(@Query() given: QueryParameters, @CurrentScimCall() { base }: ScimCall): Promise<JsonObject> {
    const query = readListQuery(given);
    const { resources, total } = await this.search.find(query, base);
    return listResponse(resources, total, query.startIndex);
  }

  @Post('.search')
  @HttpCode(200)
  @ScimAnswer()
  findByPost(@Body() body: unknown, @CurrentScimCall() call: ScimCall): Promise<JsonObject> {
    return this.find(readBody(body), call);
  }

  @Get(':id')
  @ScimAnswer()
  async get(
    @Param('id') id: string,
    @Query() query: QueryParameters,
    @CurrentScimCall() call: ScimCall,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JsonObject | undefined> {
    const selection = readSelection(query);
    return answerResource(GROUP_TYPE, await this.groups.get(id, selection, call), selection, call, reply);
  }

  @Post()
  @ScimAnswer()
  async create(
    @Body() body: unknown,
    @Query() query: QueryParameters,
    @CurrentScimCall() call: ScimCall,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AccessOutcome<JsonObject>> {
    const selection = readSelection(query);
    return answerChange(GROUP_TYPE, await this.groups.create(readBody(body), selection, call), selection, reply);
  }

  @Put(':id')
  @ScimAnswer()
  async replace(
    @Param('id') id: string,
    @Body() body: unknown,
    @Query() query: QueryParameters,
    @CurrentScimCall() call: ScimCall,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AccessOutcome<JsonObject>> {
    const selection = readSelection(query);
    return answerChange(GROUP_TYPE, await this.groups.replace(id, readBody(body), selection, call), selection, reply);
  }

  @Patch(':id')
  @ScimAnswer()
  async patch(
    @Param('id') id: string,
    @Body() body: unknown,
    @Query() query: QueryParameters,
    @CurrentScimCall() call: ScimCall,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AccessOutcome<JsonObject | void>> {
    const selection = readSelection(query);
    const isAskedFor = selection.attributes.length > 0;
    const outcome = await this.groups.patch(id, readBody(body), isAskedFor ? selection : WITHOUT_MEMBERS, call);
    return isAskedFor ? answerChange(GROUP_TYPE, outcome, selection, reply) : answerNothing(outcome, reply);
  }

  @Delete(':id')
  @HttpCode(204)
  delete(@Param('id') id: string, @CurrentScimCall() call: ScimCall): Promise<AccessOutcome<void>> {
    return this.groups.delete(id, call);
  }
}
