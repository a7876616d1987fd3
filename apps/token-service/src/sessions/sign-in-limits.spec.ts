import { describe, expect, it } from 'vitest';
import { networkOf } from './sign-in-limits.js';

describe('the network that attempts are counted for', () => {
  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['2001:db8:1:2:3:4:5:6', '8193:3512:1:2/64'],
    ['2001:db8:1:2::', '8193:3512:1:2/64'],
    ['', ''],
    ['nonsense', 'nonsense'],
  ])('of %j is %s', (address, network) => expect(networkOf(address)).toBe(network));
});
