import { expect, it } from 'vitest';
import { KeyedHash } from './keyed-hash.js';

it('three words are hashed as the reference implementation hashes twelve bytes', () => {
  // The key is 00 01 … 07 and the message 00 01 … 0b: vectors_hsip64[12] of https://github.com/veorq/SipHash.
  const hash = new KeyedHash(Buffer.from([0, 1, 2, 3, 4, 5, 6, 7]));
  hash.digest(0x03020100, 0x07060504, 0x0b0a0908);
  const digest = Buffer.alloc(8);
  digest.writeInt32LE(hash.first, 0);
  digest.writeInt32LE(hash.second, 4);
  expect(digest.toString('hex')).toBe('7bc71f9faef5c799');
});
