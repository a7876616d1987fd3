import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeServiceToken, makeToken } from './harness/fixtures.ts';
import { Forger } from './harness/forger.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

let stack: Stack;
let forger: Forger;
let tokenId: number;

beforeAll(async () => {
  stack = await Stack.start();
  forger = await Forger.of(stack);
  tokenId = (await makeToken(stack.admin)).id;
});
afterAll(() => stack.stop());

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Each makes a token that must be refused; all but the named fault is as it should be, and the signature is real. */
const REFUSED: Record<string, () => string> = {
  'alg none': () => `${encode({ alg: 'none', typ: 'JWT' })}.${encode(forger.claims(tokenId))}.`,
  'alg none with a kid': () => `${encode({ ...forger.header, alg: 'none' })}.${encode(forger.claims(tokenId))}.`,
  'HS256 signed with the public key': () => {
    const input = `${encode({ ...forger.header, alg: 'HS256' })}.${encode(forger.claims(tokenId))}`;
    const publicKey = Buffer.from(forger.keys.keys[0]!.public_key!, 'base64url');
    return `${input}.${createHmac('sha256', publicKey).update(input).digest('base64url')}`;
  },
  'an unknown kid': () => forger.sign(forger.claims(tokenId), { ...forger.header, kid: 'other' }),
  'no kid': () => forger.sign(forger.claims(tokenId), { alg: 'EdDSA', typ: 'JWT' }),
  'a jwk header': () => forger.sign(forger.claims(tokenId), { ...forger.header, jwk: { kty: 'OKP' } }),
  'a jku header': () => forger.sign(forger.claims(tokenId), { ...forger.header, jku: 'https://example.com/jwks.json' }),
  'an x5u header': () => forger.sign(forger.claims(tokenId), { ...forger.header, x5u: 'https://example.com/x5u' }),
  'another issuer': () => forger.sign(forger.claims(tokenId, { iss: 'other' })),
  'a time that has passed': () => forger.sign(forger.claims(tokenId, { exp: Math.floor(Date.now() / 1000) - 1 })),
  'exp as a string': () => forger.sign(forger.claims(tokenId, { exp: '9999999999' })),
  'nbf in the future': () => forger.sign(forger.claims(tokenId, { nbf: Math.floor(Date.now() / 1000) + 600 })),
  'a jti without its MAC': () => forger.sign(forger.claims(tokenId, { jti: String(tokenId) })),
  'a signature over other bytes': () => {
    const [header, , signature] = forger.sign(forger.claims(tokenId)).split('.');
    return `${header}.${encode(forger.claims(tokenId, { sub: '2' }))}.${signature}`;
  },
  'an unknown user': () => forger.sign(forger.claims(tokenId, { sub: '999999' })),
  'junk for a token': () => 'junk',
};

describe('a token is refused by the gateway and by the token-service', () => {
  it.each(Object.keys(REFUSED))('for %s', async (fault) => {
    const token = REFUSED[fault]!();
    const answers = [
      await stack.client(0, token).get('/api/datastores'),
      await stack.client(0, token).get('/api/users/me'),
      await stack.direct(0, token).get('/api/users/me'),
    ];
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 401, body: { code: 'invalid_token', status: 401 } });
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer .*error="invalid_token"/);
    }
  });

  it('for being of 100 kB, as a header that is too large', async () => {
    for (const client of [stack.client(0, 'x'.repeat(100_000)), stack.direct(0, 'x'.repeat(100_000))]) {
      expect(await client.get('/api/users/me')).toMatchObject({ status: 431 });
    }
    expect(await stack.client(0, 'x'.repeat(8_000)).get('/api/datastores')).toMatchObject({ status: 401 });
  });

  it('for the jti of a deleted token, with a signature that is good', async () => {
    const { id, bearer_token } = await makeServiceToken(stack.admin);
    await stack.admin.put(`/api/user-tokens/${id}`, { revoke: true });
    await stack.admin.delete(`/api/user-tokens/${id}`);
    const reforged = forger.sign(forger.claims(id));
    for (const token of [bearer_token, reforged]) {
      const client = stack.client(0, token);
      await waitUntil('the gateway refuses it', async () => (await client.get('/api/datastores')).status === 401);
      expect((await stack.direct(0, token).get('/api/users/me')).status).toBe(401);
    }
  });

  it('by the token-service although it is signed with its own key, unless it was issued', async () => {
    expect((await stack.direct(0, forger.sign(forger.claims(tokenId))).get('/api/users/me')).status).toBe(401);
    expect((await stack.client(0, forger.sign(forger.claims(tokenId))).get('/api/users/me')).status).toBe(401);
  });
});

describe('the Authorization header', () => {
  it.each(['Bearer', 'bearer', 'BEARER', 'bEARER'])('may spell the scheme %s', async (scheme) => {
    const headers = { Authorization: `${scheme} ${stack.adminToken}` };
    expect((await stack.client(0).get('/api/datastores', { headers })).status).toBe(200);
    expect((await stack.direct(0).get('/api/users/me', { headers })).status).toBe(200);
  });

  it('is refused when it comes twice', async () => {
    for (const url of [stack.gateways[0]!.url, stack.tokenServices[0]!.url]) {
      const authorization = `Authorization: Bearer ${stack.adminToken}`;
      const answer = await raw(url, [
        'GET /api/users/me HTTP/1.1',
        'Host: x',
        authorization,
        authorization,
        'Connection: close',
        '',
        '',
      ]);
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer).toContain('"field":"Authorization"');
    }
  });

  it('is the only place where a token counts: not the query, not the body', async () => {
    const query = `?access_token=${stack.adminToken}`;
    for (const client of [stack.client(0), stack.direct(0)]) {
      expect(await client.get(`/api/users/me${query}`)).toMatchObject({ status: 401, body: { code: 'missing_token' } });
      expect((await client.post('/api/user-tokens', { access_token: stack.adminToken })).status).toBe(401);
    }
    expect((await stack.client(0).get(`/api/datastores${query}`)).status).toBe(401);
  });
});

/** Sends these lines over a socket and gives all that comes back. */
function raw(url: string, lines: string[]): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(port), hostname, () => socket.write(lines.join('\r\n')));
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer')));
    socket.on('end', () => resolve(answer)).on('error', reject);
  });
}
