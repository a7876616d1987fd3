import { type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { BearerAuthGuard, type Caller, isPublic, routeAccess } from '@portcullis/access-control';
import { bearerChallenge, Problem, UNATTENDED_HEADER } from '@portcullis/contracts';
import type { FastifyRequest } from 'fastify';
import { RefusedRequests } from '../audit/refused-requests.js';
import { crossOriginRefusal } from '../sessions/same-origin.js';
import { SessionCookie } from '../sessions/session-cookie.js';
import { Sessions } from '../sessions/sessions.js';
import type { AuthenticatedRequest } from './current-caller.js';

const refused = (code: string, detail: string): Problem =>
  new Problem(401, code, detail, { headers: { 'WWW-Authenticate': bearerChallenge() } });

const SIGN_IN = refused('session_required', 'Sign in first');
const ENDED = refused('session_ended', 'The session has ended; sign in again');
const NOT_FOR_SCIM = refused('missing_token', 'SCIM takes a bearer token, and no session');

type Request = FastifyRequest & AuthenticatedRequest;

/** In front of every route that isn't public: a bearer token where one is sent, else the session of the cookie. */
@Injectable()
export class CredentialGuard extends BearerAuthGuard {
  constructor(
    reflector: Reflector,
    private readonly cookie: SessionCookie,
    private readonly sessions: Sessions,
    private readonly refusedRequests: RefusedRequests,
  ) {
    super(reflector);
  }

  override canActivate(context: ExecutionContext): ReturnType<BearerAuthGuard['canActivate']> {
    const request = context.switchToHttp().getRequest<Request>();
    if (isPublic(this.reflector, context) || request.headers.authorization !== undefined)
      return super.canActivate(context);
    const secret = this.cookie.read(request.headers.cookie);
    const access = routeAccess(this.reflector, context.getHandler(), context.getClass())?.kind;
    if (secret === undefined && access === 'session') throw SIGN_IN;
    if (secret === undefined) return super.canActivate(context);
    if (access === 'scim') throw NOT_FOR_SCIM;
    return this.#admit(request, secret);
  }

  override handleRequest<T = Caller>(
    error: unknown,
    caller: T | false,
    challenge: unknown,
    context: unknown,
    status?: unknown,
  ): T {
    try {
      return super.handleRequest(error, caller, challenge, context, status);
    } catch (refusal) {
      if (refusal instanceof Problem) this.#report(refusal, context as ExecutionContext);
      throw refusal;
    }
  }

  #report(problem: Problem, context: ExecutionContext): void {
    const { origin, headers, routeOptions } = context.switchToHttp().getRequest<Request>();
    const { authorization } = headers;
    const route = routeOptions.url ?? '';
    this.refusedRequests.note({ problem, authorization, address: origin.address, route, requestId: origin.requestId });
  }

  async #admit(request: Request, secret: string): Promise<true> {
    const refusal = crossOriginRefusal(request.method, request.headers);
    if (refusal) throw refusal;
    const session = await this.sessions.find(secret, request.headers[UNATTENDED_HEADER] === undefined);
    if (!session) throw ENDED;
    request.session = session;
    request.user = { principal: session.principal, tokenId: null, scim: false };
    return true;
  }
}
