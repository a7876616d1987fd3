import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeServiceToken, makeServiceUser, uniqueName } from './harness/fixtures.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start({ tokenServiceEnv: { PORTCULLIS_TOKEN_ALG: 'HS256', PORTCULLIS_MAX_TOKEN_DAYS: '60' } });
});
afterAll(() => stack.stop());

const headerOf = (token: string): unknown => JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString());
const opens = async (token: string): Promise<boolean> =>
  (await stack.client(0, token).get('/api/datastores')).status === 200;

describe('PORTCULLIS_MAX_TOKEN_DAYS', () => {
  it('forbids longer lifetimes and Never, naming the field', async () => {
    const { id } = await makeServiceUser(stack.admin);
    for (const days of [61, null]) {
      const body = { name: uniqueName('t'), user_id: id, expires_in_days: days };
      expect(await stack.admin.post('/api/user-tokens', body)).toMatchObject({
        status: 400,
        body: { code: 'token_lifetime_too_long', errors: [{ field: 'expires_in_days' }] },
      });
    }
    const longest = { name: uniqueName('t'), user_id: id, expires_in_days: 60 };
    expect((await stack.admin.post('/api/user-tokens', longest)).status).toBe(201);
  });
});

describe('PORTCULLIS_TOKEN_ALG', () => {
  it('HS256 signs with a secret that the JWKS does not show; a change of it makes a new key, and old tokens live on', async () => {
    const { bearer_token: symmetric } = await makeServiceToken(stack.admin);
    expect(headerOf(symmetric)).toEqual({ alg: 'HS256', typ: 'JWT', kid: expect.any(String) });
    expect(await opens(symmetric)).toBe(true);
    expect((await stack.client(0).get('/.well-known/jwks.json')).body).toEqual({ keys: [] });

    await stack.tokenServices[0]!.restart({ PORTCULLIS_TOKEN_ALG: 'EdDSA' });
    const { bearer_token: asymmetric } = await makeServiceToken(stack.admin);
    expect(headerOf(asymmetric)).toMatchObject({ alg: 'EdDSA' });
    await waitUntil('the gateway has the new key', () => opens(asymmetric));
    expect(await opens(symmetric)).toBe(true);
    expect((await stack.client(0).get('/.well-known/jwks.json')).body.keys).toMatchObject([
      { kty: 'OKP', alg: 'EdDSA' },
    ]);
  });
});
