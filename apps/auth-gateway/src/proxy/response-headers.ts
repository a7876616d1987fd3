import { connectionNames, ResponseHeader, responseHeader, withoutHeaders } from './header-names.js';
import { setsOwnCookie } from './own-cookies.js';

/** What the gateway changes in an upstream's answer. */
export interface ResponseRules {
  /** Headers to add, as a flat list: the request id, CORS. */
  readonly added: readonly string[];
  /** The route has a CORS policy of its own, so the upstream's `Access-Control-*` are replaced. */
  readonly replacesCors: boolean;
  /** The token-service may set Portcullis's cookies and `Portcullis-*` headers; a guarded upstream may not. */
  readonly fromTokenService: boolean;
}

/** `identity` is no coding, and from the days before HTTP/1.1 was settled. */
const KNOWN_CODING = /^[ \t]*(?:chunked|identity)[ \t]*$/i;

/**
 * The headers to send on: without the hop-by-hop ones (RFC 9110 section 7.6.1) and those that only Portcullis may set.
 *
 * @param raw names and values as undici gives them
 * @param status below 200 for an interim answer
 * @param takesTrailers the answer can carry trailers: it will be chunked
 * @returns a flat list of names and values
 * @throws when the body is in a transfer coding that would get lost with its name
 */
export function clientResponseHeaders(
  raw: readonly (Buffer | string)[],
  status: number,
  takesTrailers: boolean,
  rules: ResponseRules,
): string[] {
  let headers: string[] = [];
  let named: string[] | undefined;
  let lengthAt = -1;
  let trailer: string | undefined;
  let chunked = false;
  for (let i = 0; i < raw.length; i += 2) {
    const name = latin1(raw[i]);
    const value = latin1(raw[i + 1]);
    switch (responseHeader(name)) {
      case ResponseHeader.Forward:
        break;
      case ResponseHeader.Connection:
        named = [...(named ?? []), ...(connectionNames(value) ?? [])];
        continue;
      case ResponseHeader.TransferEncoding:
        if (!KNOWN_CODING.test(value)) throw new Error('the answer has a transfer coding that nobody asked for');
        chunked = true;
        continue;
      case ResponseHeader.Trailer:
        trailer = value;
        continue;
      case ResponseHeader.ContentLength:
        if (status === 204 || status < 200) continue; // RFC 9110 section 8.6: it must not be there
        lengthAt = headers.length;
        break;
      case ResponseHeader.SetCookie:
        if (!rules.fromTokenService && setsOwnCookie(value)) continue;
        break;
      case ResponseHeader.AccessControl:
        if (rules.replacesCors) continue;
        break;
      case ResponseHeader.Portcullis:
        if (!rules.fromTokenService) continue;
        break;
      default:
        continue;
    }
    headers.push(name, value);
  }
  if (chunked && lengthAt !== -1) headers.splice(lengthAt, 2); // RFC 9112 section 6.3: Transfer-Encoding overrides it
  if (named) headers = withoutHeaders(headers, named);
  if (trailer !== undefined && chunked && takesTrailers) headers.push('Trailer', trailer);
  for (const part of rules.added) headers.push(part);
  return headers;
}

/** Trailer fields that may be sent on: nothing that frames, routes or authenticates (RFC 9110 section 6.5.1). */
export function clientTrailers(raw: readonly (Buffer | string)[]): [string, string][] {
  const trailers: [string, string][] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = latin1(raw[i]);
    if (responseHeader(name) === ResponseHeader.Forward && !NOT_IN_TRAILERS.has(name.toLowerCase())) {
      trailers.push([name, latin1(raw[i + 1])]);
    }
  }
  return trailers;
}

const NOT_IN_TRAILERS = new Set([
  'host',
  'cache-control',
  'expires',
  'pragma',
  'vary',
  'age',
  'date',
  'location',
  'retry-after',
  'www-authenticate',
  'content-encoding',
  'content-type',
  'content-range',
  'authorization',
  'expect',
  'max-forwards',
  'range',
]);

function latin1(part: Buffer | string | undefined): string {
  return typeof part === 'string' ? part : (part as Buffer).toString('latin1');
}
