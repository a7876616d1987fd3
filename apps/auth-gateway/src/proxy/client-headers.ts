import type { IncomingMessage } from 'node:http';
import { Problem } from '@portcullis/contracts';
import { connectionNames, RequestHeader, requestHeader, withoutHeaders } from './header-names.js';
import { withoutOwnCookies } from './own-cookies.js';

/** More headers than this are refused; the server reads one more, so that none is ever dropped unseen. */
export const REQUEST_HEADERS_MAX = 200;

const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+;=%-]*)(?::\d*)?$/;
const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;
const CHUNKED = /^[ \t]*chunked[ \t]*$/i;
const TRAILERS = /(?:^|,)[ \t]*trailers[ \t]*(?:,|$)/i;

const malformed = (message: string): Problem =>
  new Problem(400, 'invalid_request', message, { errors: [{ field: 'headers', message }] });

const TOO_MANY = new Problem(431, 'headers_too_large', `A request may have ${REQUEST_HEADERS_MAX} headers at most`);
const BAD_HOST = malformed('There must be one Host header that holds a host');
const BAD_FRAMING = malformed('The body must be framed by one Content-Length, or by Transfer-Encoding: chunked alone');

/** What a route wants of the client's headers. */
export interface HeaderRules {
  readonly forwardAuthorization: boolean;
  /** Portcullis's own cookies are for the token-service alone. */
  readonly forwardOwnCookies: boolean;
}

/** What one pass over the client's headers has found. */
export class ClientHeaders {
  /** Names and values to pass on, in the client's order and spelling; framing and what the gateway adds are left out. */
  forwarded: string[] = [];
  host: string | undefined;
  contentLength: string | undefined;
  chunked = false;
  expectsContinue = false;
  origin: string | undefined;
  /** The client's own, if it is acceptable. */
  requestId: string | undefined;
  /** Only from a trusted proxy. */
  forwardedFor: string | undefined;
  forwardedProto: string | undefined;
  forwardedHost: string | undefined;

  get hasBody(): boolean {
    return this.chunked || (this.contentLength !== undefined && this.contentLength !== '0');
  }
}

/**
 * Sorts out a request's headers in one pass.
 *
 * @param rawHeaders names and values as Node's parser gives them
 * @param httpVersion `1.0` or `1.1`
 * @param trusted the connection comes from a trusted proxy, whose `X-Forwarded-*` are believed
 * @returns what was found, or the problem to answer with (a shared object)
 */
export function readClientHeaders(
  rawHeaders: readonly string[],
  httpVersion: string,
  trusted: boolean,
  rules: HeaderRules,
): ClientHeaders | Problem {
  if (rawHeaders.length > 2 * REQUEST_HEADERS_MAX) return TOO_MANY;
  const found = new ClientHeaders();
  let named: string[] | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    const value = rawHeaders[i + 1] as string;
    const kind = requestHeader(name);
    if (kind === RequestHeader.Forward) found.forwarded.push(name, value);
    else if (kind === RequestHeader.Connection) named = joined(named, connectionNames(value));
    else if (kind !== RequestHeader.Drop) {
      const problem = readSpecial(found, kind, name, value, trusted, rules);
      if (problem) return problem;
    }
  }
  if (named) found.forwarded = withoutHeaders(found.forwarded, named);
  return framingProblem(found, httpVersion) ?? found;
}

const UNREAD: HeaderRules = { forwardAuthorization: false, forwardOwnCookies: false };

/** What is wrong with the headers of a request that isn't passed on, where another server could frame or route it differently. */
export function malformedHeaders({ rawHeaders, httpVersion }: IncomingMessage): Problem | undefined {
  const read = readClientHeaders(rawHeaders, httpVersion, false, UNREAD);
  return read instanceof Problem ? read : undefined;
}

function readSpecial(
  found: ClientHeaders,
  kind: RequestHeader,
  name: string,
  value: string,
  trusted: boolean,
  rules: HeaderRules,
): Problem | undefined {
  switch (kind) {
    case RequestHeader.Host:
      if (found.host !== undefined || !HOST.test(value)) return BAD_HOST;
      found.host = value;
      return undefined;
    case RequestHeader.ContentLength:
      if (found.contentLength !== undefined) return BAD_FRAMING;
      found.contentLength = value;
      return undefined;
    case RequestHeader.TransferEncoding:
      if (found.chunked || !CHUNKED.test(value)) return BAD_FRAMING;
      found.chunked = true;
      return undefined;
    case RequestHeader.Expect:
      found.expectsContinue = true;
      return undefined;
    case RequestHeader.RequestId:
      if (REQUEST_ID.test(value)) found.requestId ??= value;
      return undefined;
    default:
      readForwardable(found, kind, name, value, trusted, rules);
      return undefined;
  }
}

/** Headers that are passed on under a condition, or in another form. */
function readForwardable(
  found: ClientHeaders,
  kind: RequestHeader,
  name: string,
  value: string,
  trusted: boolean,
  rules: HeaderRules,
): void {
  switch (kind) {
    case RequestHeader.Cookie: {
      const cookies = rules.forwardOwnCookies ? value : withoutOwnCookies(value);
      if (cookies !== undefined) found.forwarded.push(name, cookies);
      return;
    }
    case RequestHeader.Authorization:
      if (rules.forwardAuthorization) found.forwarded.push(name, value);
      return;
    case RequestHeader.Origin:
      found.origin ??= value;
      found.forwarded.push(name, value);
      return;
    case RequestHeader.Te:
      // The only coding that passes through a proxy: trailers of the answer are passed on.
      if (TRAILERS.test(value)) found.forwarded.push('TE', 'trailers');
      return;
    default:
      if (trusted) readForwardedBy(found, kind, name, value);
  }
}

function readForwardedBy(found: ClientHeaders, kind: RequestHeader, name: string, value: string): void {
  if (kind === RequestHeader.ForwardedFor) {
    found.forwardedFor = found.forwardedFor === undefined ? value : `${found.forwardedFor}, ${value}`;
  } else if (kind === RequestHeader.ForwardedProto) {
    if (value === 'http' || value === 'https') found.forwardedProto ??= value;
  } else if (kind === RequestHeader.ForwardedHost) {
    if (value !== '' && HOST.test(value)) found.forwardedHost ??= value;
  } else {
    found.forwarded.push(name, value);
  }
}

/** RFC 9112 sections 3.2 and 6.1: what another server could frame or route differently is refused. */
function framingProblem(found: ClientHeaders, httpVersion: string): Problem | undefined {
  if (httpVersion === '1.1' ? found.host === undefined : httpVersion !== '1.0') return BAD_HOST;
  if (httpVersion === '1.0') found.expectsContinue = false; // RFC 9110 section 10.1.1
  if (!found.chunked) return undefined;
  return found.contentLength !== undefined || httpVersion === '1.0' ? BAD_FRAMING : undefined;
}

function joined(names: string[] | undefined, more: string[] | undefined): string[] | undefined {
  if (names === undefined || more === undefined) return names ?? more;
  return [...names, ...more];
}
