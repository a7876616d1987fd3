import { describe, expect, it } from 'vitest';
import { setsOwnCookie, withoutOwnCookies } from './own-cookies.js';

describe("Portcullis's own cookies", () => {
  it.each([
    ['a=1; portcullis_session=x; b=2', 'a=1; b=2'],
    ['portcullis_session=x', undefined],
    ['__Host-portcullis_session=x; a=1', 'a=1'],
    ['__host-Portcullis_session=x;portcullis_other=y;a=1', 'a=1'],
    ['=portcullis_session=x; a=1', 'a=1'],
    ['a=portcullis_session; b="x  y"', 'a=portcullis_session; b="x  y"'],
    ['a=1;  b=2;', 'a=1;  b=2;'],
  ])('are taken out of %j and nothing else', (header, left) => {
    expect(withoutOwnCookies(header)).toBe(left);
  });

  it.each([
    ['portcullis_session=x; Path=/', true],
    ['__Host-portcullis_session=; Max-Age=0', true],
    [' =portcullis_session=evil', true],
    ['PORTCULLIS_session=x', true],
    ['session=portcullis_x', false],
    ['my_portcullis_thing=x', false],
  ])('are recognised when an upstream sets them: %j', (header, own) => {
    expect(setsOwnCookie(header)).toBe(own);
  });
});
