import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLoopbackHost, parseLoopbackRedirect } from './loopback-redirect.js';

describe('a redirect URI is taken', () => {
  it.each([
    'http://127.0.0.1:53682/callback',
    'http://127.0.0.1/callback',
    'http://127.0.0.1:1',
    'http://localhost:8080/',
    'http://localhost:65535/a/b?x=1&y=%20',
    'http://[::1]:4000/callback',
  ])('%s', (text) => expect(parseLoopbackRedirect(text)).toBeInstanceOf(URL));
});

describe('a redirect URI is refused', () => {
  it.each([
    ['another scheme', 'https://127.0.0.1:1/callback'],
    ['a custom scheme', 'app://127.0.0.1/callback'],
    ['a script', 'javascript:alert(1)//127.0.0.1'],
    ['data', 'data:text/html,127.0.0.1'],
    ['another host', 'http://example.com/callback'],
    ['a host that begins like one', 'http://127.0.0.1.example.com/callback'],
    ['a host that begins like localhost', 'http://localhost.example.com/'],
    ['a sub-domain of localhost', 'http://a.localhost/'],
    ['a host that ends like one', 'http://example-localhost/'],
    ['a trailing dot', 'http://localhost./'],
    ['a user name that looks like a host', 'http://127.0.0.1:80@example.com/'],
    ['a user name', 'http://user@127.0.0.1/'],
    ['a password', 'http://user:x@127.0.0.1/'],
    ['an empty user name', 'http://@127.0.0.1/'],
    ['another loopback address', 'http://127.0.0.2/'],
    ['a decimal address', 'http://2130706433/'],
    ['a hexadecimal address', 'http://0x7f.0.0.1/'],
    ['an octal address', 'http://0177.0.0.1/'],
    ['a short address', 'http://127.1/'],
    ['any address', 'http://0.0.0.0/'],
    ['any address (IPv6)', 'http://[::]/'],
    ['a mapped address', 'http://[::ffff:127.0.0.1]/'],
    ['a long spelling of ::1', 'http://[0:0:0:0:0:0:0:1]/'],
    ['an upper-case host', 'http://LOCALHOST/'],
    ['an upper-case scheme', 'HTTP://127.0.0.1/'],
    ['full-width letters', 'http://ｌocalhost/'],
    ['an encoded host', 'http://%6cocalhost/'],
    ['a fragment', 'http://127.0.0.1/#x'],
    ['an empty fragment', 'http://127.0.0.1/#'],
    ['port 0', 'http://127.0.0.1:0/'],
    ['a port too large', 'http://127.0.0.1:65536/'],
    ['an empty port', 'http://127.0.0.1:/'],
    ['a port that is none', 'http://127.0.0.1:80x/'],
    ['a backslash', 'http://127.0.0.1\\@example.com/'],
    ['a backslash for a slash', 'http:\\\\127.0.0.1/'],
    ['one slash', 'http:/127.0.0.1/'],
    ['three slashes', 'http:///127.0.0.1/'],
    ['no scheme', '//127.0.0.1/callback'],
    ['a leading space', ' http://127.0.0.1/'],
    ['a trailing line end', 'http://127.0.0.1/\n'],
    ['a tab within', 'http://127.0.\t0.1/'],
    ['a line end within the path', 'http://127.0.0.1/a\r\nb'],
    ['a quote', 'http://127.0.0.1/"onload=x'],
    ['nothing', ''],
    ['a parameter that the answer sets', 'http://127.0.0.1/callback?code=x'],
    ['a state of its own', 'http://127.0.0.1/callback?state=x'],
    ['a parameter that is code once decoded', 'http://127.0.0.1/callback?%63ode=x'],
  ])('%s: %s', (_, text) => expect(parseLoopbackRedirect(text)).toBeUndefined());

  it('when any parser would go anywhere but to a loopback address', () => {
    const parts = fc.constantFrom(
      'http:', 'https:', '//', '/', '\\', '@', ':', '?', '#', '.', '[', ']', '%', '::1', '127.0.0.1', 'localhost', 'evil.example', '80', '0', ' ', '\t',
    ); // prettier-ignore
    const texts = fc.oneof(
      fc.array(parts, { maxLength: 12 }).map((all) => all.join('')),
      fc.webUrl(),
      fc.string(),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const url = parseLoopbackRedirect(text);
        if (!url) return;
        expect(url.protocol).toBe('http:');
        expect(isLoopbackHost(url.hostname)).toBe(true);
        expect([url.username, url.password, url.hash]).toEqual(['', '', '']);
        expect(new URL(text).href).toBe(url.href);
      }),
      { numRuns: 5_000 },
    );
  });
});
