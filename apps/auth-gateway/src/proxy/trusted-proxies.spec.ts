import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { TrustedProxies } from './trusted-proxies.js';

const from = (remoteAddress: string): Socket => ({ remoteAddress }) as Socket;

describe('TrustedProxies', () => {
  const proxies = new TrustedProxies(['10.0.0.0/8', '192.0.2.1', 'fd00::/8']);

  it.each([
    ['10.1.2.3', '10.1.2.3', true],
    ['::ffff:10.1.2.3', '10.1.2.3', true],
    ['192.0.2.1', '192.0.2.1', true],
    ['192.0.2.2', '192.0.2.2', false],
    ['fd12::1', 'fd12::1', true],
    ['2001:db8::1', '2001:db8::1', false],
  ])('knows the peer %s', (remote, address, trusted) => {
    expect(proxies.peer(from(remote))).toEqual({ address, trusted });
  });

  it.each([
    ['10.0.0.1', undefined, '10.0.0.1'],
    ['10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['10.0.0.1', '6.6.6.6, 203.0.113.9, 10.9.9.9', '203.0.113.9'],
    ['10.0.0.1', '10.0.0.2, 10.0.0.3', '10.0.0.2'],
    ['10.0.0.1', '203.0.113.9:4711', '203.0.113.9'],
    ['10.0.0.1', '[2001:db8::1]:443', '2001:db8::1'],
    ['10.0.0.1', '203.0.113.9, nonsense', '10.0.0.1'],
    ['10.0.0.1', '1', '10.0.0.1'],
    ['203.0.113.1', '1.1.1.1', '203.0.113.1'],
  ])('takes the client address of a request from %s with %j for %s', (remote, forwardedFor, client) => {
    expect(proxies.clientAddress(proxies.peer(from(remote)), forwardedFor)).toBe(client);
  });
});
