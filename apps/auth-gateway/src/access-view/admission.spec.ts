import { describe, expect, it } from 'vitest';
import { TOKEN_REFUSALS, type VerifiedToken } from '@portcullis/access-control';
import { admit } from './admission.js';
import { gone, ModelLedger, principal, token, voidTokens } from './testing/model-ledger.js';

const NOW = 1_000;
const verified: VerifiedToken = { tokenId: 5, userId: 7, scim: false, expiresAt: Infinity };

function decide(facts: Parameters<ModelLedger['commit']>, shown: VerifiedToken = verified): unknown {
  const ledger = new ModelLedger();
  ledger.commit(...facts);
  return admit(shown, ledger.replayedTo(ledger.seq), NOW);
}

describe('admit', () => {
  it('lets in a token with no entry against it, as the principal is now', () => {
    expect(decide([principal(7, true, 'Member'), principal(7, true, 'Admin')])).toEqual({
      principal: { id: 7, user_id: 'user-7', user_type: 'User', role: 'Admin', teams: ['Public'], active: true },
      tokenId: 5,
      scim: false,
      expiresAt: Infinity,
    });
  });

  it('lets in a token that was revoked and restored', () => {
    expect(decide([principal(7), token(5, 'revoked'), token(5, 'active')])).toMatchObject({ tokenId: 5 });
  });

  it.each([
    ['revoked', [principal(7), token(5, 'revoked')]],
    ['deleted', [principal(7), token(5, 'revoked'), token(5, 'deleted')]],
    ['of an unknown user', [principal(8)]],
    ['of a deleted user', [principal(7), gone(7)]],
    ['of an inactive user', [principal(7, false)]],
  ])('answers 401 invalid_token to a token that is %s', (_, facts) => {
    expect(decide(facts)).toMatchObject({ status: 401, code: 'invalid_token' });
  });

  it.each([
    [4, 5],
    [5, 5],
    [5, 6],
  ])(
    'answers to a token of the void range %i–%i as to a deleted one, even if an entry says it is active',
    (from, to) => {
      const facts = [principal(7), voidTokens(1, 2), voidTokens(from, to), token(5, 'active')];
      expect(decide(facts)).toBe(TOKEN_REFUSALS.deleted);
    },
  );

  it('lets in a token on either side of a void range', () => {
    expect(decide([principal(7), voidTokens(1, 4), voidTokens(6, 9)])).toMatchObject({ tokenId: 5 });
  });

  it('answers 401 to an expired token', () => {
    expect(decide([principal(7)], { ...verified, expiresAt: NOW })).toMatchObject({ status: 401 });
  });
});
