import { Body, Controller, Delete, Get, Header, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Authenticated, type Caller, RequiresRole } from '@portcullis/access-control';
import {
  BulkRevokeDto,
  BulkRevokeResultDto,
  CreatedTokenDto,
  CreateTokenDto,
  ListAllTokensQuery,
  ListTokensQuery,
  type Page,
  pageOf,
  TokenDto,
  TokenUsageDto,
  TokenUsageQuery,
  UpdatedTokenDto,
  UpdateTokenDto,
} from '@portcullis/contracts';
import type { AccessOutcome } from '../access/access-outcome.js';
import type { Actor } from '../audit/actor.js';
import { CurrentActor, CurrentCaller } from '../authentication/current-caller.js';
import { TokenIdPipe } from '../openapi/id.pipe.js';
import { TokenUsage } from '../usage/token-usage.js';
import { BulkRevocation } from './bulk-revocation.js';
import { TokenIssuer } from './token-issuer.js';
import { TokenList } from './token-list.js';
import { TokensService } from './tokens.service.js';

@ApiTags('Tokens')
@Controller('api/user-tokens')
export class TokensController {
  constructor(
    private readonly tokens: TokensService,
    private readonly issuer: TokenIssuer,
    private readonly list: TokenList,
    private readonly bulk: BulkRevocation,
    private readonly usage: TokenUsage,
  ) {}

  /** Makes a token. `bearer_token` is in this answer and never again. */
  @Post()
  @Authenticated()
  @Header('Cache-Control', 'no-store')
  @ApiCreatedResponse({ type: CreatedTokenDto })
  create(@Body() dto: CreateTokenDto, @CurrentActor() actor: Actor): Promise<CreatedTokenDto> {
    return this.issuer.issue(dto, actor);
  }

  /** Revokes all active tokens that a filter finds, with one receipt; `dry_run` shows them first. */
  @Post('revoke')
  @RequiresRole('Admin')
  @HttpCode(200)
  @ApiOkResponse({ type: BulkRevokeResultDto })
  revokeMany(
    @Body() dto: BulkRevokeDto,
    @CurrentActor() actor: Actor,
  ): Promise<BulkRevokeResultDto | AccessOutcome<BulkRevokeResultDto>> {
    return dto.dry_run ? this.bulk.preview(dto) : this.bulk.revoke(dto, actor);
  }

  /** One's own tokens. */
  @Get()
  @Authenticated()
  @ApiOkResponse({ type: pageOf(TokenDto) })
  findOwn(@Query() query: ListTokensQuery, @CurrentCaller() { principal }: Caller): Promise<Page<TokenDto>> {
    return this.list.page({ ...query, user_id: principal.id });
  }

  /** All service tokens. */
  @Get('service')
  @RequiresRole('Admin')
  @ApiOkResponse({ type: pageOf(TokenDto) })
  findService(@Query() query: ListTokensQuery): Promise<Page<TokenDto>> {
    return this.list.page({ ...query, type: 'Service' });
  }

  /** Everyone's tokens. */
  @Get('all')
  @RequiresRole('Admin')
  @ApiOkResponse({ type: pageOf(TokenDto) })
  findAll(@Query() query: ListAllTokensQuery): Promise<Page<TokenDto>> {
    return this.list.page(query);
  }

  @Get(':id')
  @Authenticated()
  @ApiOkResponse({ type: TokenDto })
  get(@Param('id', TokenIdPipe) id: number, @CurrentActor() actor: Actor): Promise<TokenDto> {
    return this.tokens.get(id, actor);
  }

  /** How often a token was used, by the hour for 90 days back, and where it was used from last. */
  @Get(':id/usage')
  @Authenticated()
  @ApiOkResponse({ type: TokenUsageDto })
  async usageOf(
    @Param('id', TokenIdPipe) id: number,
    @Query() { hours }: TokenUsageQuery,
    @CurrentActor() actor: Actor,
  ): Promise<TokenUsageDto> {
    await this.tokens.get(id, actor); // 404 for another person's
    return this.usage.read(id, hours);
  }

  /** Revokes or restores a token. */
  @Put(':id')
  @Authenticated()
  @ApiOkResponse({ type: UpdatedTokenDto })
  update(
    @Param('id', TokenIdPipe) id: number,
    @Body() dto: UpdateTokenDto,
    @CurrentActor() actor: Actor,
  ): Promise<AccessOutcome<UpdatedTokenDto>> {
    return this.tokens.update(id, dto, actor);
  }

  /** Deletes a revoked or expired token. */
  @Delete(':id')
  @Authenticated()
  @HttpCode(204)
  @ApiNoContentResponse()
  delete(@Param('id', TokenIdPipe) id: number, @CurrentActor() actor: Actor): Promise<AccessOutcome<void>> {
    return this.tokens.delete(id, actor);
  }
}
