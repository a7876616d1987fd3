import { Body, Controller, Delete, Get, Header, HttpCode, Post, Req, Res, UseGuards } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Public, RequiresSession } from '@portcullis/access-control';
import { SessionDto, SignInDto } from '@portcullis/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type AuthenticatedRequest, CurrentSession } from '../authentication/current-caller.js';
import { LiveUpdates } from '../live-updates/live-updates.js';
import { SameOriginGuard } from './same-origin.js';
import { SessionCookie } from './session-cookie.js';
import type { Session } from './session.js';
import { SessionViews } from './session-views.js';
import { Sessions } from './sessions.js';
import { INVALID_CREDENTIALS, SignIn } from './sign-in.js';

/** Needs no credential: it is for those who have none yet, or want to be rid of it. */
type Request = Pick<AuthenticatedRequest, 'origin'> & FastifyRequest;

@ApiTags('Session')
@Controller('api/session')
export class SessionsController {
  constructor(
    private readonly signIn: SignIn,
    private readonly sessions: Sessions,
    private readonly views: SessionViews,
    private readonly cookie: SessionCookie,
    private readonly liveUpdates: LiveUpdates,
  ) {}

  /** Signs in. Needs the header `X-Portcullis-Csrf`; answers 401 for whatever is wrong, 429 with `Retry-After` after too many attempts. */
  @Post()
  @Public()
  @UseGuards(SameOriginGuard)
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  @ApiOkResponse({ type: SessionDto })
  async create(
    @Body() dto: SignInDto,
    @Req() request: Request,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SessionDto> {
    const secret = await this.signIn.signIn(dto, request.origin, this.cookie.read(request.headers.cookie));
    const session = await this.sessions.find(secret);
    if (!session) throw INVALID_CREDENTIALS; // deactivated or deleted in this moment
    void reply.header('Set-Cookie', this.cookie.setting(secret));
    return this.views.sessionDto(session);
  }

  /** Who is signed in. */
  @Get()
  @RequiresSession()
  @Header('Cache-Control', 'no-store')
  @ApiOkResponse({ type: SessionDto })
  get(@CurrentSession() session: Session): Promise<SessionDto> {
    return this.views.sessionDto(session);
  }

  /** Signs out; also without a session, so that a cookie that is good for nothing goes away. Needs the header `X-Portcullis-Csrf`. */
  @Delete()
  @Public()
  @UseGuards(SameOriginGuard)
  @HttpCode(204)
  @ApiNoContentResponse()
  async delete(@Req() request: Request, @Res({ passthrough: true }) reply: FastifyReply): Promise<void> {
    const secret = this.cookie.read(request.headers.cookie);
    if (secret) await this.signIn.signOut(secret, request.origin);
    this.liveUpdates.recheck();
    void reply.header('Set-Cookie', this.cookie.clearing());
  }
}
