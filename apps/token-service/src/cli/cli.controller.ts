import { Body, Controller, Get, Header, HttpCode, Inject, Post, Query, Req } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Public, RequiresSession } from '@portcullis/access-control';
import {
  CliDecisionDto,
  CliPreviewDto,
  CliRedirectDto,
  CliRequestDto,
  CliTokenRequestDto,
  CreatedTokenDto,
  invalidField,
} from '@portcullis/contracts';
import type { Actor } from '../audit/actor.js';
import { type AuthenticatedRequest, CurrentActor, CurrentSession } from '../authentication/current-caller.js';
import { CONFIG, type TokenServiceConfig } from '../config.js';
import type { Session } from '../sessions/session.js';
import { CliCodes } from './cli-codes.js';
import { type CliAnswer, loopbackRedirect, redirectWith } from './cli-redirect.js';
import { CliTokens } from './cli-tokens.js';

/** Tokens for programs on a person's own machine: they approve in the browser, where they are signed in (RFC 8252, RFC 7636). */
@ApiTags('CLI')
@Controller('api/cli')
export class CliController {
  constructor(
    private readonly codes: CliCodes,
    private readonly tokens: CliTokens,
    @Inject(CONFIG) private readonly config: TokenServiceConfig,
  ) {}

  /** What approving would do; refuses what {@link decide} would refuse. */
  @Get('authorize')
  @RequiresSession()
  @Header('Cache-Control', 'no-store')
  @ApiOkResponse({ type: CliPreviewDto })
  async preview(@Query() query: CliRequestDto, @CurrentSession() { principal }: Session): Promise<CliPreviewDto> {
    const redirect = this.check(query);
    return {
      token_name: await this.tokens.freeName(principal.id, query.hostname),
      expires_in_days: this.tokens.days,
      redirect_origin: redirect.origin,
    };
  }

  /** Approves or declines. The page sends the browser to `redirect_to` and nowhere else. */
  @Post('authorize')
  @RequiresSession()
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  @ApiOkResponse({ type: CliRedirectDto })
  async decide(
    @Body() dto: CliDecisionDto,
    @CurrentSession() session: Session,
    @CurrentActor() actor: Actor,
  ): Promise<CliRedirectDto> {
    const redirect = this.check(dto);
    const answer = dto.decision === 'deny' ? DENIED : await this.approve(dto, session, actor);
    return { redirect_to: redirectWith(redirect, answer, dto.state) };
  }

  /** A program redeems its code. `bearer_token` is in this answer and never again. */
  @Post('token')
  @Public()
  @Header('Cache-Control', 'no-store')
  @ApiCreatedResponse({ type: CreatedTokenDto })
  async token(
    @Body() { code, code_verifier }: CliTokenRequestDto,
    @Req() { origin }: Pick<AuthenticatedRequest, 'origin'>,
  ): Promise<CreatedTokenDto> {
    const { user_id: userId, user_name, role, hostname } = await this.codes.redeem(code, code_verifier);
    const { address, requestId } = origin;
    const actor = {
      userId,
      user_id: user_name,
      userType: 'User',
      role,
      credential: 'session',
      address,
      requestId,
    } as const;
    return this.tokens.issue(hostname, actor);
  }

  private check(request: CliRequestDto): URL {
    const redirect = loopbackRedirect(request);
    if (request.code_challenge === undefined && this.config.cliTokenRedirect !== 'allow') {
      throw invalidField(
        'code_challenge',
        'is required here (PORTCULLIS_CLI_TOKEN_REDIRECT)',
        'token_redirect_not_allowed',
      );
    }
    return redirect;
  }

  private async approve(dto: CliDecisionDto, session: Session, actor: Actor): Promise<CliAnswer> {
    if (dto.code_challenge) return { code: await this.codes.issue(session, dto.code_challenge, dto.hostname) };
    return { token: (await this.tokens.issue(dto.hostname, actor)).bearer_token };
  }
}

const DENIED = { error: 'access_denied' } as const;
