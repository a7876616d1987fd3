import { describe, expect, it } from 'vitest';
import { SessionCookie } from './session-cookie.js';

const SECRET = 'A'.repeat(43);
const cookieAt = (url?: string) => new SessionCookie({ publicUrl: url ? new URL(url) : undefined, sessionHours: 12 });

describe('the cookie of a session', () => {
  it.each([undefined, 'https://portcullis.example.com'])('is for https, and can be set by no other host: %s', (url) => {
    const cookie = cookieAt(url);
    const value = `__Host-portcullis_session=${SECRET}; Max-Age=43200; Path=/; HttpOnly; SameSite=Strict; Secure`;
    expect(cookie.setting(SECRET)).toBe(value);
    expect(cookie.clearing()).toMatch(/^__Host-portcullis_session=; Max-Age=0; .*Secure$/);
    expect(cookie.read(`a=b; __Host-portcullis_session=${SECRET}`)).toBe(SECRET);
    expect(cookie.read(`portcullis_session=${SECRET}`)).toBeUndefined(); // planted by a sibling domain over http
  });

  it('has a plain name over http on a loopback address', () => {
    const cookie = cookieAt('http://localhost:8080');
    expect(cookie.setting(SECRET)).toBe(
      `portcullis_session=${SECRET}; Max-Age=43200; Path=/; HttpOnly; SameSite=Strict`,
    );
    expect(cookie.read(`portcullis_session=${SECRET}`)).toBe(SECRET);
    expect(cookie.read(`__Host-portcullis_session=${SECRET}`)).toBeUndefined();
  });

  it.each([
    undefined,
    '',
    'portcullis_session',
    'portcullis_session=',
    'portcullis_session=short',
    `portcullis_session=${SECRET}x`,
    `portcullis_session="${SECRET}"`,
    `Portcullis_Session=${SECRET}`,
    `xportcullis_session=${SECRET}`,
    `portcullis_session=${SECRET}; portcullis_session=${'B'.repeat(43)}`,
  ])('is not read from %j', (header) => expect(cookieAt('http://127.0.0.1').read(header)).toBeUndefined());
});
