import { createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { Problem } from '@portcullis/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Keyring } from './keyring.js';
import { makeJti } from './token-id.js';
import { TokenVerifier, type VerifiedToken } from './token-verifier.js';

const NOW = 1_800_000_000;
const macKey = randomBytes(32);
const { privateKey } = generateKeyPairSync('ed25519');
const publicX = privateKey.export({ format: 'jwk' }).x!;
const hsSecret = randomBytes(32);
const keys = {
  issuer: 'portcullis',
  token_id_mac_key: macKey.toString('base64url'),
  feed_public_key: publicX,
  keys: [
    { kid: 'ed-1', alg: 'EdDSA', public_key: publicX } as const,
    { kid: 'hs-1', alg: 'HS256', secret: hsSecret.toString('base64url') } as const,
  ],
};

const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const claims = (changes: object = {}): Record<string, unknown> => ({
  iss: 'portcullis',
  sub: '7',
  jti: makeJti(42, macKey),
  iat: NOW - 10,
  exp: NOW + 10,
  ...changes,
});
const ED_HEADER = { alg: 'EdDSA', typ: 'JWT', kid: 'ed-1' };
const HS_HEADER = { alg: 'HS256', typ: 'JWT', kid: 'hs-1' };

function edToken(payload: unknown, header: object = ED_HEADER): string {
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`;
}

function hsToken(payload: unknown, header: object = HS_HEADER, secret: Buffer | string = hsSecret): string {
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

const verifier = (): TokenVerifier => new TokenVerifier(Keyring.from(keys), 100);
const verify = (token: string): VerifiedToken | Problem => verifier().verify(token, NOW);

describe('a token that Portcullis issued', () => {
  it('is accepted, signed with Ed25519 or with HS256', () => {
    expect(verify(edToken(claims()))).toEqual({ tokenId: 42, userId: 7, scim: false, expiresAt: NOW + 10 });
    expect(verify(hsToken(claims({ scope: 'scim' })))).toEqual({
      tokenId: 42,
      userId: 7,
      scim: true,
      expiresAt: NOW + 10,
    });
  });

  it('never expires without exp', () => {
    const { exp: _exp, ...endless } = claims();
    expect(verify(edToken(endless))).toMatchObject({ expiresAt: Infinity });
  });

  it('is refused from the second that it expires, also when it was verified before', () => {
    const subject = verifier();
    const token = edToken(claims({ exp: NOW + 10 }));
    expect(subject.verify(token, NOW + 9)).toMatchObject({ tokenId: 42 });
    expect(subject.verify(token, NOW + 10)).toMatchObject({ code: 'invalid_token', detail: 'The token has expired' });
    expect(verifier().verify(token, NOW + 10)).toMatchObject({ code: 'invalid_token' });
  });

  it('is refused once its key is taken away, also when it was verified before', () => {
    const subject = verifier();
    const token = edToken(claims());
    expect(subject.verify(token, NOW)).toMatchObject({ tokenId: 42 });
    subject.useKeyring(Keyring.from({ ...keys, keys: keys.keys.slice(1) }));
    expect(subject.verify(token, NOW)).toBeInstanceOf(Problem);
  });
});

describe('a token is refused', () => {
  const good = edToken(claims());
  const [header, payload, signature] = good.split('.') as [string, string, string];
  const publicPem = generateKeyPairSync('ed25519').publicKey.export({ format: 'pem', type: 'spki' });
  const refused: Record<string, string> = {
    'with alg none': `${encode({ alg: 'none', typ: 'JWT' })}.${payload}.`,
    'with alg none and a known kid': `${encode({ alg: 'none', typ: 'JWT', kid: 'ed-1' })}.${payload}.`,
    'with HS256 under the kid of an Ed25519 key, by its public key': hsToken(
      claims(),
      { ...HS_HEADER, kid: 'ed-1' },
      Buffer.from(publicX, 'base64url'),
    ),
    'with HS256 by a PEM of the public key': hsToken(claims(), { ...HS_HEADER, kid: 'ed-1' }, publicPem),
    'with EdDSA under the kid of a secret': edToken(claims(), { ...ED_HEADER, kid: 'hs-1' }),
    'with an unknown kid': edToken(claims(), { ...ED_HEADER, kid: 'ed-2' }),
    'without a kid': edToken(claims(), { alg: 'EdDSA', typ: 'JWT' }),
    'with a jwk in the header': edToken(claims(), { ...ED_HEADER, jwk: { kty: 'OKP', crv: 'Ed25519', x: publicX } }),
    'with a jku in the header': edToken(claims(), { ...ED_HEADER, jku: 'https://evil.example/jwks.json' }),
    'with an x5u in the header': edToken(claims(), { ...ED_HEADER, x5u: 'https://evil.example/cert.pem' }),
    'with a crit in the header': edToken(claims(), { ...ED_HEADER, crit: ['b64'], b64: false }),
    'from another issuer': edToken(claims({ iss: 'someone-else' })),
    'without an issuer': edToken(claims({ iss: undefined })),
    'that has expired': edToken(claims({ exp: NOW - 1 })),
    'with exp as a string': edToken(claims({ exp: String(NOW + 10) })),
    'with exp null': edToken(claims({ exp: null })),
    'with a fractional exp': edToken(claims({ exp: NOW + 0.5 })),
    'with nbf in the future': edToken(claims({ nbf: NOW + 5 })),
    'with nbf as a string': edToken(claims({ nbf: '1' })),
    'without iat': edToken(claims({ iat: undefined })),
    'without jti': edToken(claims({ jti: undefined })),
    'with a jti that has no MAC': edToken(claims({ jti: '42' })),
    'with the MAC of another id': edToken(claims({ jti: makeJti(43, macKey).replace('43', '42') })),
    'with a MAC by another key': edToken(claims({ jti: makeJti(42, randomBytes(32)) })),
    'with a jti of leading zeros': edToken(claims({ jti: makeJti(42, macKey).replace('42', '042') })),
    'with a sub that is no user id': edToken(claims({ sub: 'admin' })),
    'with sub as a number': edToken(claims({ sub: 7 })),
    'with a scope that is not known': edToken(claims({ scope: 'admin' })),
    'with a signature over other bytes': `${header}.${encode(claims({ sub: '1' }))}.${signature}`,
    'without a signature': `${header}.${payload}.`,
    'with a cut signature': good.slice(0, -2),
    'with a signature spelled another way': respelled(good),
    'with four parts': `${good}.x`,
    'with two parts': `${header}.${payload}`,
    'of one part': header,
    'that is empty': '',
    'whose payload is no JSON': edToken('{'),
    'whose payload is a list': edToken([]),
    'whose payload is null': edToken('null'),
    'of 100 kB': edToken(claims({ padding: 'x'.repeat(100_000) })),
  };

  it.each(Object.entries(refused))('%s', (_, token) => {
    const result = verify(token);
    expect(result).toBeInstanceOf(Problem);
    expect(result).toMatchObject({ status: 401, code: 'invalid_token' });
  });

  it('whatever single character of it is changed', () => {
    const { exp: _exp, ...endless } = claims();
    const token = edToken(endless);
    const subject = verifier();
    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.constantFrom(...'ABCabc012-_.= +/'), (at, character) => {
        fc.pre(token[at] !== character);
        expect(subject.verify(token.slice(0, at) + character + token.slice(at + 1), NOW)).toBeInstanceOf(Problem);
      }),
      { numRuns: 500 },
    );
  });

  it('whatever text it is', () => {
    const subject = verifier();
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 400 }),
        (text) => subject.verify(text, NOW) instanceof Problem,
      ),
    );
  });
});

/** The same signature bytes with other unused bits in the last character. */
function respelled(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = alphabet.indexOf(token.at(-1)!);
  return token.slice(0, -1) + alphabet[last ^ 1];
}
