import type { IncomingMessage } from 'node:http';
import passport from 'passport';
import { Strategy, type VerifyFunctionWithRequest } from 'passport-http-bearer';
import { Problem } from '@portcullis/contracts';
import type { Caller } from './caller.js';

/**
 * Decides on a bearer token: the caller, or the problem to answer with. Synchronous where no I/O is needed.
 * @throws nothing that the caller of the API may see
 */
export type TokenAuthenticator<T extends Caller = Caller> = (
  token: string,
  request: IncomingMessage,
) => T | Problem | Promise<T | Problem>;

type Done = Parameters<VerifyFunctionWithRequest>[2];

/**
 * Passport's bearer strategy, from the `Authorization` header only (RFC 6750 section 2.1): a token in the query or in a body
 * ends up in logs, so it is not even looked at. Two `Authorization` headers are refused, since Node would keep the first and
 * another server the last.
 */
export class BearerStrategy extends Strategy<VerifyFunctionWithRequest> {
  /** Put there by passport for each request. */
  declare fail: (challenge: string | number, status?: number) => void;

  constructor(authenticator: TokenAuthenticator) {
    super({ realm: 'portcullis', passReqToCallback: true }, (request, token, done) => {
      decide(authenticator, request, token, done);
    });
  }

  // Nest's guard hands over Fastify's request, the gateway's data path Node's own.
  override authenticate(request: unknown): void {
    const incoming = (request as { raw?: IncomingMessage }).raw ?? (request as IncomingMessage);
    if (hasSecondAuthorization(incoming.rawHeaders)) return this.fail(400);
    // An object without body and query: the library looks for `access_token` there.
    super.authenticate(new HeaderOnlyRequest(incoming) as never);
  }
}

/** Registers the strategy under the name that `AuthGuard('bearer')` looks for. */
export function registerBearerStrategy(authenticator: TokenAuthenticator): BearerStrategy {
  const strategy = new BearerStrategy(authenticator);
  passport.use('bearer', strategy);
  return strategy;
}

class HeaderOnlyRequest {
  readonly headers: IncomingMessage['headers'];
  constructor(readonly incoming: IncomingMessage) {
    this.headers = incoming.headers;
  }
}

function decide(authenticator: TokenAuthenticator, request: unknown, token: string, done: Done): void {
  const settle = (result: Caller | Problem): void => {
    if (!(result instanceof Problem)) done(null, result);
    else if (result.status === 401) done(null, false, { message: result.detail });
    else done(result);
  };
  let result: Caller | Problem | Promise<Caller | Problem>;
  try {
    result = authenticator(token, (request as HeaderOnlyRequest).incoming);
  } catch (error) {
    return done(error);
  }
  if (result instanceof Promise) result.then(settle, done);
  else settle(result);
}

function hasSecondAuthorization(rawHeaders: readonly string[]): boolean {
  let seen = false;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length !== 13 || name.toLowerCase() !== 'authorization') continue;
    if (seen) return true;
    seen = true;
  }
  return false;
}
