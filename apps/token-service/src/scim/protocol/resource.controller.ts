import { Body, Delete, Get, HttpCode, Param, Patch, Post, Put, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { AccessOutcome } from '../../access/access-outcome.js';
import type { ResourceType } from '../schema/resource-type.js';
import { type JsonObject, readBody } from './json.js';
import { type ListQuery, listResponse, readListQuery, readSelection } from './list-query.js';
import type { Selection } from './projection.js';
import { answerChange, answerNothing, answerResource } from './scim-answer.js';
import { CurrentScimCall, ScimAnswer, type ScimCall } from './scim-call.js';

type QueryParameters = Record<string, unknown>;

/** What there is of one type: `selection` says what will be shown, so that the rest needn't be read. */
export interface Resources {
  get(id: string, call: ScimCall, selection: Selection): Promise<JsonObject>;
  create(body: JsonObject, call: ScimCall, selection: Selection): Promise<AccessOutcome<JsonObject>>;
  replace(id: string, body: JsonObject, call: ScimCall, selection: Selection): Promise<AccessOutcome<JsonObject>>;
  patch(id: string, body: JsonObject, call: ScimCall, selection: Selection): Promise<AccessOutcome<JsonObject>>;
  delete(id: string, call: ScimCall): Promise<AccessOutcome<void>>;
}

export interface ResourceSearch {
  find(query: ListQuery, base: string): Promise<{ resources: JsonObject[]; total: number }>;
}

/** The operations on one type of resource (RFC 7644 section 3.2). */
export abstract class ResourceController {
  protected constructor(
    private readonly type: ResourceType,
    private readonly resources: Resources,
    private readonly search: ResourceSearch,
    /** What a PATCH doesn't show where the client asks for nothing; its answer then is 204 (RFC 7644 section 3.5.2). */
    private readonly unshownByPatch?: Selection,
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
    return answerResource(this.type, await this.resources.get(id, call, selection), selection, call, reply);
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
    return answerChange(this.type, await this.resources.create(readBody(body), call, selection), selection, reply);
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
    return answerChange(this.type, await this.resources.replace(id, readBody(body), call, selection), selection, reply);
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
    const asked = readSelection(query);
    const unshown = asked.attributes.length > 0 ? undefined : this.unshownByPatch;
    const outcome = await this.resources.patch(id, readBody(body), call, unshown ?? asked);
    return unshown ? answerNothing(outcome, reply) : answerChange(this.type, outcome, asked, reply);
  }

  @Delete(':id')
  @HttpCode(204)
  delete(@Param('id') id: string, @CurrentScimCall() call: ScimCall): Promise<AccessOutcome<void>> {
    return this.resources.delete(id, call);
  }
}
