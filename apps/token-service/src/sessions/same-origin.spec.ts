import { CSRF_HEADER } from '@portcullis/contracts';
import { describe, expect, it } from 'vitest';
import { crossOriginRefusal } from './same-origin.js';

describe('a request that goes by a session', () => {
  it.each(['GET', 'HEAD', 'OPTIONS'])('needs no header to read: %s', (method) => {
    expect(crossOriginRefusal(method, {})).toBeUndefined();
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'get', 'PROPFIND'])('needs the header for anything else: %s', (method) => {
    expect(crossOriginRefusal(method, {})?.code).toBe('csrf_header_required');
    expect(crossOriginRefusal(method, { [CSRF_HEADER]: '' })).toBeUndefined();
  });

  it.each(['cross-site', 'same-site', 'nonsense', ''])('is refused when the browser says it comes from %j', (site) => {
    const headers = { [CSRF_HEADER]: '1', 'sec-fetch-site': site };
    for (const method of ['GET', 'POST']) expect(crossOriginRefusal(method, headers)?.code).toBe('cross_origin');
  });
});
