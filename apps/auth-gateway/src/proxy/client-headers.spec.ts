import { Problem } from '@portcullis/contracts';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ClientHeaders, readClientHeaders } from './client-headers.js';

const RULES = { forwardAuthorization: false, forwardOwnCookies: false };
const read = (headers: string[], trusted = false, rules = RULES): ClientHeaders => {
  const result = readClientHeaders(['Host', 'gw.example', ...headers], '1.1', trusted, rules);
  if (result instanceof Problem) throw result;
  return result;
};

describe('the headers that reach an upstream', () => {
  it.each([
    'X-Auth-Role',
    'x-auth-role',
    'X_Auth_Role',
    'X-Auth_Role',
    'X_AUTH_USER_ID',
    'X.Auth.Role',
    'X-Auth-Anything',
    'X_Forwarded_For',
    'X-Forwarded-For',
    'X-Forwarded-Port',
    'X_Request_Id',
    'Forwarded',
    'X-Real-IP',
    'X_Real_IP',
    'X-HTTP-Method-Override',
    'X_HTTP_Method',
    'X-Method-Override',
    'X-Original-URL',
    'X-Rewrite-Url',
    'X_Original_Url',
    'Keep-Alive',
    'Proxy-Connection',
    'Proxy-Authorization',
    'Upgrade',
    'Trailer',
    'HTTP2-Settings',
    'Proxy',
    'Portcullis-Forwarded-By',
    'portcullis_internal_secret',
    'Authorization',
    'Content_Length',
    'Transfer_Encoding',
  ])('do not include a client-sent %s', (name) => {
    expect(read([name, 'x', 'Accept', 'a']).forwarded).toEqual(['Accept', 'a']);
  });

  it('include no spelling that folds into an identity header', () => {
    const separator = fc.constantFrom('-', '_', '.', '~', '!');
    const spelling = fc.tuple(separator, separator, fc.array(fc.boolean(), { minLength: 11, maxLength: 11 }));
    fc.assert(
      fc.property(spelling, ([first, second, upper]) => {
        const name = [...`x${first}auth${second}role`].map((c, i) => (upper[i] ? c.toUpperCase() : c)).join('');
        expect(read([name, 'Admin']).forwarded).toEqual([]);
      }),
    );
  });

  it('keep order, spelling and duplicates of everything else', () => {
    const headers = ['accept', 'a', 'X-Thing', '1', 'ACCEPT', 'b', 'x-thing', '2', 'X-Authority', 'c'];
    expect(read(headers).forwarded).toEqual(headers);
  });

  it('include Authorization only where the route forwards it', () => {
    const headers = ['Authorization', 'Bearer x'];
    expect(read(headers, false, { ...RULES, forwardAuthorization: true }).forwarded).toEqual(headers);
  });

  it('lose what Connection names, and only that', () => {
    const { forwarded } = read([
      'Connection',
      'close, X-Secret',
      'X-Secret',
      '1',
      'Connection',
      'x-other',
      'X-Other',
      '2',
      'A',
      'b',
    ]);
    expect(forwarded).toEqual(['A', 'b']);
  });

  it('pass only the trailers part of TE on', () => {
    expect(read(['TE', 'gzip, trailers']).forwarded).toEqual(['TE', 'trailers']);
    expect(read(['TE', 'gzip']).forwarded).toEqual([]);
  });

  it('believe X-Forwarded-* from a trusted proxy alone, and there only well-formed values', () => {
    const sent = [
      'X-Forwarded-For',
      '1.2.3.4',
      'X-Forwarded-For',
      '5.6.7.8',
      'X-Forwarded-Proto',
      'https',
      'X-Forwarded-Host',
      'a.b',
    ];
    expect(read(sent, true)).toMatchObject({
      forwardedFor: '1.2.3.4, 5.6.7.8',
      forwardedProto: 'https',
      forwardedHost: 'a.b',
    });
    expect(read(sent)).toMatchObject({ forwardedFor: undefined, forwardedProto: undefined, forwardedHost: undefined });
    expect(read(['X-Forwarded-Proto', 'javascript', 'X-Forwarded-Host', 'a b/c'], true)).toMatchObject({
      forwardedProto: undefined,
      forwardedHost: undefined,
    });
    expect(read(['X-Forwarded-Port', '443'], true).forwarded).toEqual(['X-Forwarded-Port', '443']);
  });

  it.each([
    ['abc-1._', 'abc-1._'],
    ['a'.repeat(128), 'a'.repeat(128)],
    ['a'.repeat(129), undefined],
    ['', undefined],
    ['a b', undefined],
    ['a\tb', undefined],
  ])('keep a request id of the client if it is acceptable: %j', (id, kept) => {
    expect(read(['X-Request-Id', id]).requestId).toBe(kept);
  });

  it.each([
    ['a second Host', '1.1', ['Host', 'b']],
    ['a Host with a path', '1.1', ['Host', 'a/b']],
    ['a coding besides chunked', '1.1', ['Host', 'a', 'Transfer-Encoding', 'gzip, chunked']],
    ['two Transfer-Encodings', '1.1', ['Host', 'a', 'Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked']],
    [
      'Transfer-Encoding and Content-Length',
      '1.1',
      ['Host', 'a', 'Transfer-Encoding', 'chunked', 'Content-Length', '1'],
    ],
    ['two Content-Lengths', '1.1', ['Host', 'a', 'Content-Length', '1', 'Content-Length', '1']],
    ['Transfer-Encoding in HTTP/1.0', '1.0', ['Transfer-Encoding', 'chunked']],
    ['no Host', '1.1', ['Accept', 'a']],
    ['HTTP/0.9', '0.9', []],
  ])('are not read any further with %s', (_name, version, headers) => {
    const withHost = headers[1] === 'b' ? ['Host', 'a', ...headers] : headers;
    expect(readClientHeaders(withHost, version, false, RULES)).toMatchObject({ status: 400 });
  });

  it('are refused when there are too many', () => {
    const many = Array.from({ length: 201 }, (_, i) => [`X-${i}`, 'x']).flat();
    expect(readClientHeaders(many, '1.1', false, RULES)).toMatchObject({ status: 431 });
  });
});
