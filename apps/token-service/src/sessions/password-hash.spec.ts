import { describe, expect, it, vi } from 'vitest';
import * as hashes from './password-hash.js';
import { Passwords } from './passwords.js';

vi.mock('./password-hash.js', { spy: true });

describe('a password hash', () => {
  it('is Argon2id with a salt of its own, and matches its password alone', async () => {
    const [first, second] = [await hashes.hashPassword('secret words'), await hashes.hashPassword('secret words')];
    expect(first).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
    expect(first).not.toBe(second);
    expect(await hashes.passwordMatches('secret words', first)).toBe(true);
    expect(await hashes.passwordMatches('Secret words', first)).toBe(false);
    expect(await hashes.passwordMatches('', first)).toBe(false);
  });

  it('of other costs is checked with those', async () => {
    // From the test vectors of the reference implementation: password, somesalt, t=2, m=2^8, p=1.
    const phc = '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4';
    expect(await hashes.passwordMatches('password', phc)).toBe(true);
    expect(await hashes.passwordMatches('passwore', phc)).toBe(false);
  });

  it.each(['', 'plain', '$2b$10$abc', '$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65'])('is never %j', async (phc) => {
    await expect(hashes.passwordMatches('x', phc)).rejects.toThrow('PHC');
  });
});

describe('checking a password', () => {
  it('says no to somebody who has none, after the work that a wrong one takes', async () => {
    const passwords = new Passwords();
    await passwords.onModuleInit();
    const hash = await passwords.hash('secret words');
    expect(await passwords.matches('secret words', hash)).toBe(true);
    const hashing = vi.mocked(hashes.passwordMatches).mockClear();
    for (const none of [null, undefined]) expect(await passwords.matches('secret words', none)).toBe(false);
    expect(hashing.mock.calls.map(([, phc]) => phc.split('$')[3])).toEqual([hash.split('$')[3], hash.split('$')[3]]);
  });

  it('is refused when too many are being checked, and works again after', async () => {
    const passwords = new Passwords();
    await passwords.onModuleInit();
    const all = await Promise.allSettled(Array.from({ length: 70 }, () => passwords.matches('x', null)));
    const refused = all.filter((each) => each.status === 'rejected');
    expect(refused).toHaveLength(6);
    expect(refused[0]!.reason).toMatchObject({ status: 503, code: 'busy' });
    expect(await passwords.matches('x', null)).toBe(false);
  });
});
