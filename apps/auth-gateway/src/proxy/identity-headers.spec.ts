import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { appendIdentity, encodeForHeader } from './identity-headers.js';
import { callerOf } from './testing/gateway-harness.js';

describe('identity headers', () => {
  it('tell an upstream who is calling', () => {
    const headers: string[] = [];
    appendIdentity(headers, callerOf());
    expect(headers).toEqual([
      'X-Auth-User-Id',
      '7',
      'X-Auth-User',
      'eve@example.com',
      'X-Auth-User-Type',
      'User',
      'X-Auth-Role',
      'Editor',
      'X-Auth-Teams',
      'Public,Data Engineering',
      'X-Auth-Token-Id',
      '456',
    ]);
  });

  it('follow a change of the principal, even on the same object', () => {
    const caller = callerOf();
    appendIdentity([], caller);
    (caller.principal as { role: string }).role = 'Admin';
    const headers: string[] = [];
    appendIdentity(headers, caller);
    expect(headers).toContain('Admin');
  });

  it('name no token in a session', () => {
    const headers: string[] = [];
    appendIdentity(headers, callerOf({}, { tokenId: null }));
    expect(headers).not.toContain('X-Auth-Token-Id');
  });

  it('percent-encode what a header or a list cannot hold', () => {
    const headers: string[] = [];
    appendIdentity(headers, callerOf({ user_id: 'zoë', teams: ['Public', 'R&D, Köln', '50%', ' x '] }));
    expect(headers[3]).toBe('zo%C3%AB');
    expect(headers[9]).toBe('Public,R&D%2C K%C3%B6ln,50%25,%20x%20');
  });

  it('can be decoded again, whatever the text was, and always fit a header', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const encoded = encodeForHeader(text);
        expect(encoded).toMatch(/^(?:[\x21-\x7E](?:[\x20-\x7E]*[\x21-\x7E])?)?$/);
        expect(decodeURIComponent(encoded)).toBe(text);
      }),
    );
  });
});
