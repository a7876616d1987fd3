import { describe, expect, it } from 'vitest';
import { challengeMatches } from './cli-codes.js';
import { redirectWith } from './cli-redirect.js';
import { firstFree } from './cli-tokens.js';

describe('the name of a program’s token', () => {
  it.each([
    [[], 'CLI on a'],
    [['CLI on a'], 'CLI on a 2'],
    [['CLI on a', 'CLI on a 2', 'CLI on a 4'], 'CLI on a 3'],
    [['CLI on a 2'], 'CLI on a'],
  ])('with %j taken is %s', (taken, name) => expect(firstFree('CLI on a', new Set(taken))).toBe(name));
});

describe('the code verifier', () => {
  // RFC 7636 appendix B
  const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
  const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

  it('matches the challenge made of it, as in RFC 7636', () =>
    expect(challengeMatches(challenge, verifier)).toBe(true));
  it('matches no other', () => expect(challengeMatches(challenge, `${verifier}x`)).toBe(false));
  it('is no plain challenge', () => expect(challengeMatches(verifier, verifier)).toBe(false));
});

describe('the redirect', () => {
  it('keeps the query of the program and brings the state back unchanged', () => {
    const url = redirectWith(new URL('http://127.0.0.1:1/cb?a=1'), { code: 'c' }, 'x&y=1#z');
    const { searchParams } = new URL(url);
    expect(Object.fromEntries(searchParams)).toEqual({ a: '1', code: 'c', state: 'x&y=1#z' });
  });
});
