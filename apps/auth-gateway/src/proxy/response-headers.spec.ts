import { describe, expect, it } from 'vitest';
import { clientResponseHeaders, clientTrailers } from './response-headers.js';

describe('the headers of an answer', () => {
  const RESPONSE = { added: ['X-Request-Id', 'r'], replacesCors: false, fromTokenService: false };
  const answer = (raw: string[], rules = RESPONSE, status = 200): string[] =>
    clientResponseHeaders(raw, status, true, rules);

  it('keep duplicates and several Set-Cookie, without the hop-by-hop ones', () => {
    const raw = [
      'Set-Cookie',
      'a=1',
      'X',
      '1',
      'set-cookie',
      'b=2',
      'X',
      '2',
      'Connection',
      'X-Hop, close',
      'X-Hop',
      'h',
    ];
    expect(answer([...raw, 'Keep-Alive', 'timeout=5', 'Upgrade', 'h2c', 'Transfer-Encoding', 'chunked'])).toEqual([
      'Set-Cookie',
      'a=1',
      'X',
      '1',
      'set-cookie',
      'b=2',
      'X',
      '2',
      'X-Request-Id',
      'r',
    ]);
  });

  it('set none of Portcullis’s cookies or headers, unless they come from the token-service', () => {
    const raw = ['Set-Cookie', 'portcullis_session=x', 'Portcullis-Receipt', 'y', 'X-Request-Id', 'z'];
    expect(answer(raw)).toEqual(['X-Request-Id', 'r']);
    expect(answer(raw, { ...RESPONSE, fromTokenService: true })).toEqual([...raw.slice(0, 4), 'X-Request-Id', 'r']);
  });

  it('lose the upstream’s own CORS headers on a route with a CORS policy', () => {
    const raw = ['Access-Control-Allow-Origin', '*', 'access-control-allow-credentials', 'true'];
    expect(answer(raw, { ...RESPONSE, replacesCors: true })).toEqual(['X-Request-Id', 'r']);
    expect(answer(raw)).toEqual([...raw, 'X-Request-Id', 'r']);
  });

  it('have one framing: no length beside Transfer-Encoding, and none with 204', () => {
    expect(answer(['Content-Length', '5', 'Transfer-Encoding', 'chunked'])).toEqual(['X-Request-Id', 'r']);
    expect(answer(['Content-Length', '0'], RESPONSE, 204)).toEqual(['X-Request-Id', 'r']);
  });

  it('are not smuggled in as trailers', () => {
    expect(clientTrailers(['Checksum', 'x', 'Set-Cookie', 'a=b', 'Content-Length', '3', 'Content-Type', 'y'])).toEqual([
      ['Checksum', 'x'],
    ]);
  });
});
