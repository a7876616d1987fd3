import { generateKeyPairSync, sign } from 'node:crypto';
import { encodeHeader, Keyring, makeJti, TokenVerifier } from '@portcullis/access-control';
import type { IntrospectResponse } from '@portcullis/contracts';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../access-view/testing/manual-clock.js';
import { Introspection } from './introspection.js';

const MAC_KEY = Buffer.alloc(32, 1);
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const keyring = new Keyring('portcullis', MAC_KEY, [{ kid: 'k', alg: 'EdDSA', key: publicKey }]);

function tokenOf(id: number, kid = 'k', macKey = MAC_KEY, exp?: number): string {
  const claims = { iss: 'portcullis', sub: '7', jti: makeJti(id, macKey), iat: 0, exp };
  const input = `${encodeHeader({ alg: 'EdDSA', kid })}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
  return `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`;
}

const ACTIVE: IntrospectResponse = {
  active: true,
  principal: { user_id: 'ada', user_type: 'User', role: 'Editor', teams: ['Public'], active: true },
};

/** An introspection whose questions the test answers, in any order. */
function asked() {
  const questions: { answer: (response: IntrospectResponse) => void; fail: () => void }[] = [];
  const introspect = (): Promise<IntrospectResponse> =>
    new Promise((resolve, reject) => questions.push({ answer: resolve, fail: () => reject(new Error('away')) }));
  const introspection = new Introspection({ introspect }, new TokenVerifier(keyring, 10), new ManualClock());
  return { introspection, questions };
}

describe('introspection, while the lease is over', () => {
  it('asks anew for every request, also for the same token at the same time', async () => {
    const { introspection, questions } = asked();
    const [first, second] = [introspection.decide(tokenOf(5)), introspection.decide(tokenOf(5))];
    expect(questions).toHaveLength(2);
    questions[1]?.answer({ active: false, detail: 'The token has been revoked' });
    questions[0]?.answer(ACTIVE);
    expect(await first).toMatchObject({ tokenId: 5, principal: { id: 7, user_id: 'ada' } });
    expect(await second).toMatchObject({ status: 401, code: 'invalid_token', detail: 'The token has been revoked' });
    void introspection.decide(tokenOf(5));
    expect(questions).toHaveLength(3);
  });

  it('lets nobody in for longer than their token: what lasts ends with it', async () => {
    const { introspection, questions } = asked();
    const [ending, endless] = [introspection.decide(tokenOf(5, 'k', MAC_KEY, 4e9)), introspection.decide(tokenOf(6))];
    for (const question of questions) question.answer(ACTIVE);
    expect(await ending).toMatchObject({ tokenId: 5, expiresAt: 4e9 });
    expect(await endless).toMatchObject({ tokenId: 6, expiresAt: Infinity });
  });

  it('asks about 64 at once, and answers 503 beyond that and when nobody can be asked', async () => {
    const { introspection, questions } = asked();
    const waiting = Array.from({ length: 64 }, () => introspection.decide(tokenOf(5)));
    expect(introspection.decide(tokenOf(5))).toMatchObject({ status: 503, code: 'access_view_stale' });
    for (const question of questions) question.fail();
    for (const result of await Promise.all(waiting)) expect(result).toMatchObject({ status: 503 });
    expect(introspection.decide(tokenOf(5))).toBeInstanceOf(Promise);
  });

  it('asks nobody about a token that does not verify', () => {
    const { introspection, questions } = asked();
    expect(introspection.decide(`${tokenOf(5)}x`)).toMatchObject({ status: 401 });
    expect(questions).toHaveLength(0);
  });

  it('does not call a token bad that may be signed with a key which was made since, and does so with all that is not ours', () => {
    const { introspection } = asked();
    expect(introspection.decide(tokenOf(5, 'newer'))).toMatchObject({ status: 503, code: 'access_view_stale' });
    for (const other of [
      tokenOf(5, 'newer', Buffer.alloc(32, 2)),
      'a.b.c',
      'junk',
      `${tokenOf(5, 'newer')}${'x'.repeat(3_000)}`,
    ])
      expect(introspection.decide(other)).toMatchObject({ status: 401, code: 'invalid_token' });
  });
});
