import { type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { Problem, unauthorized } from '@portcullis/contracts';
import { isPublic } from '../authorization/access.decorators.js';
import type { Caller } from './caller.js';

/** Nest's guard in front of every route that isn't `@Public()`: runs the bearer strategy and puts the caller on `request.user`. */
@Injectable()
export class BearerAuthGuard extends AuthGuard('bearer') {
  constructor(protected readonly reflector: Reflector) {
    super();
  }

  override canActivate(
    context: ExecutionContext,
  ): ReturnType<InstanceType<ReturnType<typeof AuthGuard>>['canActivate']> {
    return isPublic(this.reflector, context) || super.canActivate(context);
  }

  override handleRequest<T = Caller>(
    error: unknown,
    caller: T | false,
    challenge: unknown,
    _context: unknown,
    status?: unknown,
  ): T {
    if (error) throw error;
    if (!caller) throw refusalOf(challenge, status);
    return caller;
  }
}

const BAD_HEADER = new Problem(
  400,
  'invalid_request',
  'The Authorization header must be given once, as "Bearer <token>"',
  {
    errors: [{ field: 'Authorization', message: 'must be given once, as "Bearer <token>"' }],
    headers: { 'WWW-Authenticate': 'Bearer realm="portcullis", error="invalid_request"' },
  },
);
const TOKEN_REQUIRED = unauthorized('A bearer token is required: Authorization: Bearer <token>');
/** Refusals by their challenge: there are few, and a flood of bad tokens is to cost little. */
const REFUSALS_MAX = 64;
const refusals = new Map<string, Problem>();

/**
 * The problem behind a failed strategy (a shared object): `challenge` is a `WWW-Authenticate` value, `status` 400 for a
 * malformed header.
 */
export function refusalOf(challenge: unknown, status: unknown): Problem {
  if (status === 400 || challenge === 400) return BAD_HEADER;
  if (typeof challenge !== 'string') return TOKEN_REQUIRED;
  const known = refusals.get(challenge);
  if (known) return known;
  const description = /error_description="([^"]*)"/.exec(challenge)?.[1];
  const refusal = description ? unauthorized(description, 'invalid_token') : TOKEN_REQUIRED;
  if (refusals.size < REFUSALS_MAX) refusals.set(challenge, refusal);
  return refusal;
}
