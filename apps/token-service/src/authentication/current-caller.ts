import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Caller } from '@portcullis/access-control';
import type { Actor } from '../audit/actor.js';
import type { Session } from '../sessions/session.js';
import type { RequestOrigin } from './request-origin.js';

/** What the guards and the first hook leave on a request. */
export interface AuthenticatedRequest {
  user: Caller;
  origin: RequestOrigin;
  /** undefined when the caller shows a bearer token. */
  session?: Session;
}

/** The caller that the guards let through. */
export const CurrentCaller = createParamDecorator(
  (_: unknown, context: ExecutionContext): Caller => requestOf(context).user,
);

/** The session that the caller is signed in with; undefined with a bearer token. */
export const CurrentSession = createParamDecorator(
  (_: unknown, context: ExecutionContext): Session | undefined => requestOf(context).session,
);

/** The caller as the one who does something: for the audit trail and the events. */
export const CurrentActor = createParamDecorator((_: unknown, context: ExecutionContext): Actor =>
  actorOf(requestOf(context)),
);

function requestOf(context: ExecutionContext): AuthenticatedRequest {
  return context.switchToHttp().getRequest<AuthenticatedRequest>();
}

function actorOf({ user, origin }: AuthenticatedRequest): Actor {
  const { principal, tokenId } = user;
  return {
    userId: principal.id,
    user_id: principal.user_id,
    userType: principal.user_type,
    role: principal.role,
    credential: tokenId ?? 'session',
    address: origin.address,
    requestId: origin.requestId,
  };
}
