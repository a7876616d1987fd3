import { Problem } from '@portcullis/contracts';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRequestTarget, type RequestTarget } from './request-target.js';

describe('parseRequestTarget', () => {
  it.each([
    ['/', '/'],
    ['/api/datastores', '/api/datastores'],
    ['/api/datastores/', '/api/datastores/'],
    ['/api/datastores?q=%2e%2E%00//..;\\&x=%zz', '/api/datastores?q=%2e%2E%00//..;\\&x=%zz'],
    ['/a?', '/a?'],
    ['/a?b?c', '/a?b?c'],
    ['/%61pi/%7Euser', '/api/~user'],
    ['/a%2cb%c3%a9', '/a%2Cb%C3%A9'],
    ['/a%20b', '/a%20b'],
    ['/a/.well-known/x..y/...', '/a/.well-known/x..y/...'],
    ["/a:b@c!$&'()*+,=", "/a:b@c!$&'()*+,="],
    ['/100%25', '/100%25'],
    ['/a%25zz', '/a%25zz'],
    ['/a[b]{c}', '/a[b]{c}'],
  ])('normalises %s to %s', (raw, target) => {
    expect(parseRequestTarget(raw)).toMatchObject({ target, path: target.split('?')[0] });
  });

  it.each([
    ['an absolute form', 'http://example.com/api'],
    ['an authority form', 'example.com:80'],
    ['an asterisk form', '*'],
    ['nothing', ''],
    ['an encoded dot', '/a/%2e%2e/b'],
    ['an encoded dot in a name', '/a%2Etxt'],
    ['a parent segment', '/a/../b'],
    ['a parent segment at the end', '/a/..'],
    ['a dot segment', '/a/./b'],
    ['a dot segment at the end', '/a/.'],
    ['an empty segment', '/a//b'],
    ['an empty first segment', '//a'],
    ['an empty last segment', '/a//'],
    ['a backslash', '/a\\..\\b'],
    ['an encoded backslash', '/a%5Cb'],
    ['NUL', '/a%00'],
    ['a control character', '/a%0d%0aX: y'],
    ['DEL', '/a%7f'],
    ['a C1 control character', '/a%C2%85'],
    ['a raw control character', '/a\x01'],
    ['a raw space', '/a b'],
    ['a raw byte above ASCII', '/a\xe9'],
    ['a byte that is not UTF-8', '/a%ff'],
    ['an overlong slash', '/a%c0%af'],
    ['an overlong dot', '/%e0%80%ae%e0%80%ae/'],
    ['an encoded surrogate', '/%ed%a0%80'],
    ['a cut-off UTF-8 sequence', '/a%c3/b%a9'],
    ['a double-encoded slash', '/a%252fb'],
    ['a double encoding that appears only by decoding', '/a%25%32%66b'],
    ['half a percent triplet', '/a%2'],
    ['a percent sign without digits', '/a%zz'],
    ['a fragment', '/a#b'],
    ['a fragment behind the query', '/a?b#c'],
    ['a parent segment with a parameter', '/a/..;x=y/b'],
    ['a parent segment with an encoded semicolon', '/a/..%3bx/b'],
    ['an empty segment with a parameter', '/a/;x/b'],
    ['a parent segment between encoded slashes', '/a/b%2f..%2fc'],
    ['a parent segment before an encoded slash', '/a/..%2Fc'],
    ['a parent segment behind a parameter and an encoded slash', '/a/x;y%2f..;z'],
  ])('refuses %s with a 400 that names the path', (_name, raw) => {
    const problem = parseRequestTarget(raw);
    expect(problem).toBeInstanceOf(Problem);
    expect(problem).toMatchObject({
      status: 400,
      code: 'invalid_request_target',
      extra: { errors: [{ field: 'path' }] },
    });
  });

  it('marks an encoded slash and gives the reading with it decoded', () => {
    expect(parseRequestTarget('/git/group%2fproject')).toMatchObject({
      target: '/git/group%2Fproject',
      hasEncodedSlash: true,
      hasParameters: false,
      otherReadings: ['/git/group/project'],
    });
  });

  it('marks a parameter and gives the reading without it', () => {
    expect(parseRequestTarget('/cars;color=red/4')).toMatchObject({
      hasParameters: true,
      hasEncodedSlash: false,
      otherReadings: ['/cars/4'],
    });
  });

  it('gives every reading of parameters together with encoded slashes', () => {
    const target = parseRequestTarget('/a;x%2Fb/c');
    expect((target as RequestTarget).otherReadings.toSorted()).toEqual(['/a/b/c', '/a/c', '/a;x/b/c']);
  });
});

const TRICKY =
  '/ // . .. %2e %2F %2f %5c %25 %32 %66 %61 %00 ; %3b \\ # %c3%a9 %c0%af %ff %20 %7E ? a api ~ - % %2 é \x00 [ "'.split(
    ' ',
  );
const piece = fc.oneof(
  fc.constantFrom(...TRICKY, ' '),
  fc.string({ maxLength: 3 }),
  fc.constantFrom('/', 'a', '%2F', ';'),
);
const accepted = fc
  .array(piece, { maxLength: 12 })
  .map((pieces) => `/${pieces.join('')}`)
  .map((raw) => ({ raw, target: parseRequestTarget(raw) }))
  .filter((parsed): parsed is { raw: string; target: RequestTarget } => !(parsed.target instanceof Problem));
const RUNS = { numRuns: 5_000 };

describe('every target that is accepted', () => {
  it('is its own normal form', () => {
    fc.assert(
      fc.property(accepted, ({ target }) => {
        expect(parseRequestTarget(target.target)).toEqual(target);
      }),
      RUNS,
    );
  });

  it('holds no form that is refused, and decodes to no other path structure', () => {
    fc.assert(
      fc.property(accepted, ({ target }) => {
        const { path, hasEncodedSlash, hasParameters } = target;
        expect(path).not.toMatch(/%2e|%5c|%[01]|%7f|%25[0-9a-f]{2}|\\|\/\/|\/\.{1,2}(\/|$|;|%3b|%2f)|[^\x21-\x7e]/i);
        expect(path).not.toMatch(/%(?:4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9ae]|3[0-9]|2d|5f)/i);
        const decoded = decodeURIComponent(path); // throws if it isn't UTF-8
        expect(decoded.split('/').length === path.split('/').length).toBe(!hasEncodedSlash);
        expect(hasEncodedSlash).toBe(/%2f/i.test(path));
        expect(hasParameters).toBe(decoded.includes(';'));
      }),
      RUNS,
    );
  });

  it('keeps the query byte for byte', () => {
    fc.assert(
      fc.property(accepted, ({ raw, target }) => {
        expect(target.target).toBe(target.path + (raw.includes('?') ? raw.slice(raw.indexOf('?')) : ''));
      }),
      RUNS,
    );
  });
});
