import type { IncomingMessage } from 'node:http';
import { Problem } from '@portcullis/contracts';
import { describe, expect, it } from 'vitest';
import { refusalOf } from './bearer-auth.guard.js';
import { BearerStrategy } from './bearer.strategy.js';
import type { Caller } from './caller.js';

const caller: Caller = {
  principal: { id: 1, user_id: 'ada', user_type: 'User', role: 'Admin', teams: ['Public'], active: true },
  tokenId: 1,
  scim: false,
};

/** Runs the strategy as passport does, and gives what came of it. */
function authenticate(rawHeaders: string[], rest: object = {}): { caller?: Caller; problem?: Problem } {
  const outcome: { caller?: Caller; problem?: Problem } = {};
  const strategy = Object.assign(Object.create(new BearerStrategy((token) => (token === 'good' ? caller : refusal))), {
    success: (user: Caller) => (outcome.caller = user),
    fail: (challenge: unknown, status: unknown) => (outcome.problem = refusalOf(challenge, status)),
    error: (error: Problem) => (outcome.problem = error),
  }) as BearerStrategy;
  const headers = Object.fromEntries(
    rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name.toLowerCase(), rawHeaders[i + 1]!]] : [])),
  );
  strategy.authenticate({ rawHeaders, headers, ...rest } as unknown as IncomingMessage);
  return outcome;
}

const refusal = new Problem(401, 'invalid_token', 'The token has been revoked');

describe('the bearer strategy', () => {
  it.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])('takes the scheme in any case: %s', (scheme) => {
    expect(authenticate(['Authorization', `${scheme} good`])).toEqual({ caller });
  });

  it('says why a token is refused, with the challenge of RFC 6750', () => {
    const { problem } = authenticate(['authorization', 'Bearer bad']);
    expect(problem).toMatchObject({ status: 401, code: 'invalid_token', detail: 'The token has been revoked' });
    expect(problem?.extra.headers?.['WWW-Authenticate']).toContain('error="invalid_token"');
  });

  it.each([
    ['no header', []],
    ['another scheme', ['Authorization', 'Basic good']],
  ])('asks for a token and names no error when there is %s', (_, headers) => {
    const { problem } = authenticate(headers);
    expect(problem).toMatchObject({ status: 401, code: 'missing_token' });
    expect(problem?.extra.headers?.['WWW-Authenticate']).toBe('Bearer realm="portcullis"');
  });

  it.each([
    ['two headers', ['Authorization', 'Bearer good', 'authorization', 'Bearer good']],
    ['no token behind the scheme', ['Authorization', 'Bearer']],
    ['two tokens', ['Authorization', 'Bearer good good']],
  ])('refuses %s as a bad request', (_, headers) => {
    expect(authenticate(headers).problem).toMatchObject({ status: 400, code: 'invalid_request' });
  });

  it('does not look for a token in the query or the body', () => {
    expect(authenticate([], { query: { access_token: 'good' } }).problem).toMatchObject({ status: 401 });
    expect(authenticate([], { body: { access_token: 'good' } }).problem).toMatchObject({ status: 401 });
  });
});
