import { sign } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Logger } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import {
  BearerStrategy,
  type Caller,
  encodeHeader,
  Keyring,
  makeJti,
  type TokenAuthenticator,
  TokenVerifier,
} from '@portcullis/access-control';
import { Problem } from '@portcullis/contracts';
import { AccessReplica } from '../access-view/access-replica.js';
import { instantOf } from '../access-view/clock.js';
import { Lease } from '../access-view/lease.js';
import { ManualClock } from '../access-view/testing/manual-clock.js';
import {
  ModelLedger,
  principal,
  token,
  TOKEN_ID_MAC_KEY,
  TOKEN_PRIVATE_KEY,
} from '../access-view/testing/model-ledger.js';
import { BearerGate } from './gate.js';
import { ACCESS_VIEW_STALE, leaseAuthenticator } from './lease-authenticator.js';

Logger.overrideLogger(false);

type Result = Caller | Problem;

function requestWith(...authorization: string[]): IncomingMessage {
  const rawHeaders = ['Host', 'gateway', ...authorization.flatMap((value) => ['Authorization', value])];
  const headers = authorization[0] === undefined ? {} : { authorization: authorization[0] };
  return { headers, rawHeaders, url: '/api/datastores?access_token=x' } as unknown as IncomingMessage;
}

function signedToken(claims: object = {}): string {
  const all = { iss: 'portcullis', sub: '7', jti: makeJti(5, TOKEN_ID_MAC_KEY), iat: 0, ...claims };
  const header = encodeHeader({ alg: 'EdDSA', kid: 'key-1' });
  const input = `${header}.${Buffer.from(JSON.stringify(all)).toString('base64url')}`;
  return `${input}.${sign(null, Buffer.from(input), TOKEN_PRIVATE_KEY).toString('base64url')}`;
}

/** A gate before a view that knows user 7. */
function guarded() {
  const clock = new ManualClock();
  const lease = new Lease(clock);
  const replica = new AccessReplica();
  const ledger = new ModelLedger();
  ledger.commit(principal(7));
  replica.install(ledger.replayedTo(1));
  lease.extend(instantOf(clock), 10_000);
  const verifier = new TokenVerifier(Keyring.from(ledger.keys()), 10);
  const authenticator = leaseAuthenticator({ lease, replica, verifier, clock, whenStale: () => ACCESS_VIEW_STALE });
  return { clock, lease, replica, ledger, gate: new BearerGate(new BearerStrategy(authenticator)) };
}

/** The result, which must have come synchronously and once. */
function ask(gate: BearerGate, request: IncomingMessage): Result {
  const results: Result[] = [];
  gate.authenticate(request, (result) => results.push(result));
  expect(results).toHaveLength(1);
  return results[0] as Result;
}

const callerOf = (name: string): Caller => ({ principal: { user_id: name } as never, tokenId: 1, scim: false });
const gateOf = (authenticator: TokenAuthenticator): BearerGate => new BearerGate(new BearerStrategy(authenticator));

describe('BearerGate', () => {
  it('lets in a good token synchronously, whatever the case of the scheme', () => {
    const { gate } = guarded();
    for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
      expect(ask(gate, requestWith(`${scheme} ${signedToken()}`))).toMatchObject({ tokenId: 5, scim: false });
    }
  });

  it.each([
    ['no header', [], 401, 'missing_token'],
    ['another scheme', ['Basic YTpi'], 401, 'missing_token'],
    ['junk', ['Bearer junk'], 401, 'invalid_token'],
    ['a malformed header', ['Bearer a b'], 400, 'invalid_request'],
    ['two headers', [`Bearer ${signedToken()}`, `Bearer ${signedToken()}`], 400, 'invalid_request'],
    ['an expired token', [`Bearer ${signedToken({ exp: 1 })}`], 401, 'invalid_token'],
    ['a token of an unknown user', [`Bearer ${signedToken({ sub: '8' })}`], 401, 'invalid_token'],
  ])('refuses %s with the challenge of RFC 6750', (_, authorization, status, code) => {
    const result = ask(guarded().gate, requestWith(...authorization)) as Problem;
    expect(result).toBeInstanceOf(Problem);
    expect(result).toMatchObject({ status, code });
    expect(result.extra.headers?.['WWW-Authenticate']).toMatch(/^Bearer realm="portcullis"/);
  });

  it('refuses a token from the moment that its revocation is applied, verified before or not', () => {
    const { gate, replica, ledger } = guarded();
    const request = requestWith(`Bearer ${signedToken()}`);
    expect(ask(gate, request)).toMatchObject({ tokenId: 5 });
    replica.applyChange(ledger.commit(token(5, 'revoked')));
    expect(ask(gate, request)).toMatchObject({ status: 401, detail: 'The token has been revoked' });
    replica.applyChange(ledger.commit(token(5, 'active')));
    expect(ask(gate, request)).toMatchObject({ tokenId: 5 });
  });

  it('answers 503 with Retry-After when the lease is over, and never a stale yes', async () => {
    const { clock, gate } = guarded();
    await clock.advance(9_999);
    expect(ask(gate, requestWith(`Bearer ${signedToken()}`))).toMatchObject({ tokenId: 5 });
    await clock.advance(1);
    const result = ask(gate, requestWith(`Bearer ${signedToken()}`)) as Problem;
    expect(result).toMatchObject({ status: 503, code: 'access_view_stale' });
    expect(result.extra.headers).toMatchObject({ 'Retry-After': '1' });
  });

  it('answers each of several requests that wait, with its own result', async () => {
    const waiting = new Map<string, (result: Result) => void>();
    const gate = gateOf((token) => new Promise<Result>((resolve) => waiting.set(token, resolve)));
    const results = new Map<string, Result>();
    for (const name of ['a', 'b', 'c']) {
      gate.authenticate(requestWith(`Bearer ${name}`), (result) => results.set(name, result));
    }
    for (const name of ['c', 'a', 'b']) waiting.get(name)?.(callerOf(name));
    await new Promise((resolve) => setImmediate(resolve));
    for (const name of ['a', 'b', 'c']) expect(results.get(name)).toEqual(callerOf(name));
  });

  it('serves a request that comes while another is being decided', () => {
    const { gate } = guarded();
    const good = requestWith(`Bearer ${signedToken()}`);
    gate.authenticate(good, (outer) => {
      expect(outer).toMatchObject({ tokenId: 5 });
      expect(ask(gate, requestWith())).toMatchObject({ code: 'missing_token' });
      expect(ask(gate, good)).toMatchObject({ tokenId: 5 });
    });
  });

  it('turns a fault into a 500 that tells nothing', () => {
    const gate = gateOf(() => {
      throw new Error('secret detail');
    });
    const result = ask(gate, requestWith('Bearer x')) as Problem;
    expect(result).toMatchObject({ status: 500, code: 'internal_error' });
    expect(JSON.stringify(result)).not.toContain('secret');
  });
});
