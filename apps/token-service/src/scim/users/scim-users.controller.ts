import { Body, Delete, Get, HttpCode, Param, Patch, Post, Put, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { AccessOutcome } from '../../access/access-outcome.js';
import { type JsonObject, readBody } from '../protocol/json.js';
import { listResponse, readListQuery, readSelection } from '../protocol/list-query.js';
import { answerChange, answerResource } from '../protocol/scim-answer.js';
import { CurrentScimCall, ScimAnswer, type ScimCall, ScimController } from '../protocol/scim-call.js';
import { USER_TYPE } from '../schema/resource-type.js';
import { ScimUsersService } from './scim-users.service.js';
import { UserSearch } from './user-search.js';

type QueryParameters = Record<string, unknown>;

@ScimController('/Users')
export class ScimUsersController {
  constructor(
    private readonly users: ScimUsersService,
    private readonly search: UserSearch,
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
    return answerResource(USER_TYPE, await this.users.get(id, call), selection, call, reply);
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
    return answerChange(USER_TYPE, await this.users.create(readBody(body), call), selection, reply);
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
    return answerChange(USER_TYPE, await this.users.replace(id, readBody(body), call), selection, reply);
  }

  @Patch(':id')
  @ScimAnswer()
  async patch(
    @Param('id') id: string,
    @Body() body: unknown,
    @Query() query: QueryParameters,
    @CurrentScimCall() call: ScimCall,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AccessOutcome<JsonObject>> {
    const selection = readSelection(query);
    return answerChange(USER_TYPE, await this.users.patch(id, readBody(body), call), selection, reply);
  }

  @Delete(':id')
  @HttpCode(204)
  delete(@Param('id') id: string, @CurrentScimCall() call: ScimCall): Promise<AccessOutcome<void>> {
    return this.users.delete(id, call);
  }
}
