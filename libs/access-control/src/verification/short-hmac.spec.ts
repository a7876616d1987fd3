import { createHmac, randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { ShortHmac } from './short-hmac.js';

const MESSAGES = ['', '1', '42', '9007199254740991', 'x'.repeat(63), 'x'.repeat(64)];

it('is HMAC-SHA256 for every key length and message that it takes, one after the other', () => {
  for (let bytes = 0; bytes <= 64; bytes++) {
    const key = randomBytes(bytes);
    const hmac = new ShortHmac(key);
    for (const message of [...MESSAGES, ...MESSAGES.toReversed()])
      expect(hmac.of(message)).toEqual(createHmac('sha256', key).update(message).digest());
  }
});

it('refuses what it can’t do, rather than doing something else', () => {
  expect(() => new ShortHmac(randomBytes(65))).toThrow(RangeError);
  expect(() => new ShortHmac(randomBytes(32)).of('x'.repeat(65))).toThrow(RangeError);
});
