import { Problem } from '@portcullis/contracts';

/** A request target that every parser reads alike, or one whose other readings are known. */
export interface RequestTarget {
  /** The normalised path: what is decided on and what is forwarded. */
  readonly path: string;
  /** Path and query as they are forwarded; the query is the client's, byte for byte. */
  readonly target: string;
  /** The path holds `%2F`, so only a route that passes it may be taken. */
  readonly hasEncodedSlash: boolean;
  /** The path holds `;`, so only a route that passes it may be taken. */
  readonly hasParameters: boolean;
  /** What an upstream may take the path for after decoding `%2F` or cutting `;…` off. All must lead to the same route. */
  readonly otherReadings: readonly string[];
}

const NO_READINGS: readonly string[] = [];

/** Segments of unreserved characters, sub-delims without `;`, `:` and `@`; none is empty, `.` or `..` (RFC 3986 section 3.3). */
const PLAIN_PATH = /^(?:\/(?!\.{0,2}(?:\/|$))[A-Za-z0-9._~!$&'()*+,=:@-]+)*\/?$/;
const FORBIDDEN_IN_QUERY = /[^\x21\x22\x24-\x7E\x80-\xFF]/;
const FORBIDDEN_IN_PATH = /[^\x21-\x7E]|[\\#]/;
const BROKEN_PERCENT = /%(?![0-9A-Fa-f]{2})/;
const ENCODED_CONTROL = /%(?:[01][0-9A-Fa-f]|7[Ff])/;
const ENCODED_DOT = /%2[Ee]/;
const ENCODED_BACKSLASH = /%5[Cc]/;
const ENCODED_BYTES = /(?:%[89A-Fa-f][0-9A-Fa-f])+/g;
const ENCODED_ASCII = /%[0-7][0-9A-Fa-f]/g;
const UNRESERVED = /[A-Za-z0-9._~-]/;
const DOUBLE_ENCODING = /%25[0-9A-Fa-f]{2}/;
const EMPTY_SEGMENT = /\/\//;
const DOT_SEGMENT = /\/\.\.?(?:\/|$)/;
const PARAMETERS = /(?:;|%3B)[^/]*/g;

const refusal = (message: string): Problem =>
  new Problem(400, 'invalid_request_target', `path: ${message}`, { errors: [{ field: 'path', message }] });

const NOT_ORIGIN_FORM = refusal('the request target must be a path that starts with /');
const BAD_QUERY = refusal('the query holds characters that a request target may not hold');
const BAD_CHARACTER = refusal(
  'it holds a character that a path may not hold, such as a backslash or a control character',
);
const BAD_PERCENT = refusal('% must be followed by two hexadecimal digits');
const BAD_ENCODING = refusal('it holds an encoded dot, backslash or control character');
const BAD_UTF8 = refusal('the percent-encoded bytes must be UTF-8');
const ENCODED_TWICE = refusal('it is percent-encoded twice');
const EMPTY = refusal('it holds an empty segment (//)');
const DOTS = refusal('it holds a . or .. segment');

/**
 * Normalises a request target (RFC 3986 section 6.2.2: case of triplets, encoded unreserved characters) and refuses every form
 * that two parsers could read differently.
 *
 * @param raw the target of the request line; only the origin form (RFC 9112 section 3.2.1) is taken
 * @returns the target, or the 400 to answer with (a shared object)
 */
export function parseRequestTarget(raw: string): RequestTarget | Problem {
  if (raw.charCodeAt(0) !== 0x2f) return NOT_ORIGIN_FORM;
  const queryStart = raw.indexOf('?');
  const rawPath = queryStart === -1 ? raw : raw.slice(0, queryStart);
  const query = queryStart === -1 ? '' : raw.slice(queryStart);
  if (FORBIDDEN_IN_QUERY.test(query)) return BAD_QUERY;
  if (PLAIN_PATH.test(rawPath)) return plainTarget(rawPath, raw);

  const path = normalisePath(rawPath);
  if (path instanceof Problem) return path;
  return withReadings(path, query);
}

function plainTarget(path: string, target: string): RequestTarget {
  return { path, target, hasEncodedSlash: false, hasParameters: false, otherReadings: NO_READINGS };
}

function normalisePath(raw: string): string | Problem {
  if (FORBIDDEN_IN_PATH.test(raw)) return BAD_CHARACTER;
  if (BROKEN_PERCENT.test(raw)) return BAD_PERCENT;
  if (ENCODED_CONTROL.test(raw) || ENCODED_DOT.test(raw) || ENCODED_BACKSLASH.test(raw)) return BAD_ENCODING;
  if (!(raw.match(ENCODED_BYTES) ?? []).every(isText)) return BAD_UTF8;
  const path = raw
    .replace(ENCODED_BYTES, (bytes) => bytes.toUpperCase())
    .replace(ENCODED_ASCII, (triplet) => decodeUnreserved(triplet));
  // Only now: `%25%32%66` becomes `%252f` by decoding the unreserved characters.
  return DOUBLE_ENCODING.test(path) ? ENCODED_TWICE : path;
}

function decodeUnreserved(triplet: string): string {
  const character = String.fromCharCode(Number.parseInt(triplet.slice(1), 16));
  return UNRESERVED.test(character) ? character : triplet.toUpperCase();
}

/** UTF-8 without overlong forms and surrogates, and without the C1 control characters. */
function isText(encoded: string): boolean {
  try {
    return !/[\x80-\x9F]/.test(decodeURIComponent(encoded));
  } catch {
    return false; // decodeURIComponent throws on anything that isn't UTF-8
  }
}

function withReadings(path: string, query: string): RequestTarget | Problem {
  const hasEncodedSlash = path.includes('%2F');
  const hasParameters = path.includes(';') || path.includes('%3B');
  const withoutParameters = hasParameters ? path.replace(PARAMETERS, '') : path;
  if (EMPTY_SEGMENT.test(path) || EMPTY_SEGMENT.test(withoutParameters)) return EMPTY;

  const readings = new Set([withoutParameters]);
  if (hasEncodedSlash) {
    readings.add(decodeSlashes(path)).add(decodeSlashes(withoutParameters));
    readings.add(
      decodeSlashes(path)
        .replace(PARAMETERS, '')
        .replace(/\/{2,}/g, '/'),
    );
  }
  readings.add(path);
  if (readings.values().some((reading) => DOT_SEGMENT.test(reading))) return DOTS;
  readings.delete(path);
  return { path, target: path + query, hasEncodedSlash, hasParameters, otherReadings: [...readings] };
}

/** An upstream that decodes `%2F` may merge the slashes that come of it as well. */
function decodeSlashes(path: string): string {
  return path.replaceAll('%2F', '/').replace(/\/{2,}/g, '/');
}
