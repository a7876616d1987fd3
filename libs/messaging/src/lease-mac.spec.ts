import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { leaseMacMatches, parseLeaseMac, signWithLease } from './lease-mac.js';

const key = randomBytes(32);
const payload = Buffer.from('{"a":1}');

it('recognises what was signed, with dots in the lease id too', () => {
  const claim = parseLeaseMac(signWithLease('gw.eu-1:Ab_-9', key, payload))!;
  expect(claim.leaseId).toBe('gw.eu-1:Ab_-9');
  expect(leaseMacMatches(claim.mac, key, payload)).toBe(true);
});

it('refuses another payload and another key', () => {
  const { mac } = parseLeaseMac(signWithLease('gw', key, payload))!;
  expect(leaseMacMatches(mac, key, Buffer.from('{"a":2}'))).toBe(false);
  expect(leaseMacMatches(mac, randomBytes(32), payload)).toBe(false);
});

it.each([undefined, '', 'gw', 'gw.', `.${'A'.repeat(43)}`, 'gw.AAAA', `gw.${'A'.repeat(600)}`])(
  'takes %j for malformed',
  (header) => {
    expect(parseLeaseMac(header)).toBeUndefined();
  },
);
