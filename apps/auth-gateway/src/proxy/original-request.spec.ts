import { describe, expect, it } from 'vitest';
import { type ForwardAuthProxy, isVerification, readOriginalRequest } from './original-request.js';

const flat = (headers: Record<string, string>): string[] => Object.entries(headers).flat();
const read = (proxy: ForwardAuthProxy, headers: Record<string, string>, method = 'GET', url = '/verify'): unknown =>
  readOriginalRequest(proxy, method, url, flat(headers));

const NGINX = { 'X-Original-Method': 'PUT', 'X-Original-URI': '/a?b=c' };
const TRAEFIK = { 'X-Forwarded-Method': 'PUT', 'X-Forwarded-Uri': '/a?b=c' };

describe('what a proxy was asked for', () => {
  it('is read from the headers of that proxy alone', () => {
    const original = { method: 'PUT', target: '/a?b=c', upgrades: false };
    expect(read('nginx', NGINX)).toEqual(original);
    expect(read('traefik', TRAEFIK)).toEqual(original);
    expect(read('envoy', {}, 'PUT', '/verify/a?b=c')).toEqual(original);
    for (const [proxy, headers] of [
      ['nginx', TRAEFIK],
      ['traefik', NGINX],
    ] as const) {
      expect(read(proxy, headers)).toMatchObject({ status: 403, code: 'original_request_unknown' });
    }
  });

  it.each<[string, ForwardAuthProxy, Record<string, string>]>([
    ['no method', 'nginx', { 'X-Original-URI': '/a' }],
    ['no target', 'nginx', { 'X-Original-Method': 'GET' }],
    ['a method in two spellings', 'nginx', { ...NGINX, X_Original_Method: 'PUT' }],
    ['a target in two cases', 'nginx', { ...NGINX, 'x-original-uri': '/a?b=c' }],
    ['a method that is none', 'nginx', { ...NGINX, 'X-Original-Method': 'PUT, GET' }],
    ['a target that is a whole URL', 'traefik', { ...TRAEFIK, 'X-Forwarded-Uri': 'http://a/a' }],
    ['nothing below /verify', 'envoy', {}],
  ])('is unknown, and so refused, with %s', (_name, proxy, headers) => {
    expect(read(proxy, headers)).toMatchObject({ status: 403, code: 'original_request_unknown' });
  });

  it.each<[string, ForwardAuthProxy, Record<string, string>]>([
    ['another proxy’s method', 'nginx', { ...NGINX, 'X-Forwarded-Method': 'GET' }],
    ['another proxy’s target', 'nginx', { ...NGINX, 'X-Forwarded-Uri': '/public' }],
    ['another proxy’s method', 'traefik', { ...TRAEFIK, 'X-Original-Method': 'GET' }],
    ['another proxy’s target, folded', 'traefik', { ...TRAEFIK, X_Original_URI: '/public' }],
    ['any told method', 'envoy', { 'X-Original-Method': 'DELETE' }],
    ['a method to use instead', 'nginx', { ...NGINX, 'X-HTTP-Method-Override': 'DELETE' }],
    ['a path to use instead', 'nginx', { ...NGINX, 'X-Rewrite-URL': '/admin' }],
    ['a URL that only ends alike', 'nginx', { ...NGINX, 'X-Original-URL': '/b/a?b=c' }],
  ])('is not contradicted by %s (%s): that is refused', (_name, proxy, headers) => {
    expect(read(proxy, headers, 'GET', '/verify/a?b=c')).toMatchObject({ status: 403, code: 'contradictory_headers' });
  });

  it('may not be told together with who is calling, in a spelling that the proxy lets through', () => {
    for (const name of ['X_Auth_Role', 'x-auth_user', 'X.Auth.User-Id']) {
      expect(read('traefik', { ...TRAEFIK, [name]: 'x' })).toMatchObject({ code: 'contradictory_headers' });
    }
    expect(read('traefik', { ...TRAEFIK, 'X-Auth-Role': 'Admin' })).toMatchObject({ method: 'PUT' }); // it is replaced
  });

  it('may be told a second time, if it is the same', () => {
    const more = { ...TRAEFIK, 'X-Original-URL': 'https://api.example.com/a?b=c', 'X-HTTP-Method-Override': 'PUT' };
    expect(read('nginx', { ...NGINX, ...more })).toMatchObject({ method: 'PUT' });
  });

  it('is an upgrade where a WebSocket’s key is on it: proxies take Upgrade away', () => {
    expect(read('nginx', { ...NGINX, 'Sec-WebSocket-Key': 'x' })).toMatchObject({ upgrades: true });
    expect(read('nginx', { ...NGINX, Upgrade: 'websocket' })).toMatchObject({ upgrades: true });
  });
});

it.each<[string, boolean, boolean]>([
  ['/verify', true, true],
  ['/verify?a', true, true],
  ['/verify/a', false, true],
  ['/verified', false, false],
  ['/a/verify', false, false],
])('a question is asked at /verify, or below it by Envoy alone: %s', (url, nginx, envoy) => {
  expect([isVerification('nginx', url), isVerification('traefik', url), isVerification('envoy', url)]).toEqual([
    nginx,
    nginx,
    envoy,
  ]);
});
