/** What a header of a request is to the gateway. Numbers, since one is looked up for every header of every request. */
export const RequestHeader = {
  Forward: 0,
  Drop: 1,
  Connection: 2,
  Host: 3,
  ContentLength: 4,
  TransferEncoding: 5,
  Expect: 6,
  Te: 7,
  Cookie: 8,
  Authorization: 9,
  Origin: 10,
  RequestId: 11,
  ForwardedFor: 12,
  ForwardedProto: 13,
  ForwardedHost: 14,
  /** `X-Forwarded-Port`, `X-Real-IP` and the like: believed from a trusted proxy, removed otherwise. */
  ForwardedOther: 15,
} as const;
export type RequestHeader = (typeof RequestHeader)[keyof typeof RequestHeader];

/** What a header of a response is to the gateway. */
export const ResponseHeader = {
  Forward: 0,
  Drop: 1,
  Connection: 2,
  ContentLength: 3,
  TransferEncoding: 4,
  Trailer: 5,
  SetCookie: 6,
  AccessControl: 7,
  /** `Portcullis-…`: only the token-service says such things. */
  Portcullis: 8,
} as const;
export type ResponseHeader = (typeof ResponseHeader)[keyof typeof ResponseHeader];

const REQUEST_HEADERS: Readonly<Record<string, RequestHeader>> = {
  connection: RequestHeader.Connection,
  host: RequestHeader.Host,
  'content-length': RequestHeader.ContentLength,
  'transfer-encoding': RequestHeader.TransferEncoding,
  expect: RequestHeader.Expect,
  te: RequestHeader.Te,
  cookie: RequestHeader.Cookie,
  authorization: RequestHeader.Authorization,
  origin: RequestHeader.Origin,
  'x-request-id': RequestHeader.RequestId,
  'x-forwarded-for': RequestHeader.ForwardedFor,
  'x-forwarded-proto': RequestHeader.ForwardedProto,
  'x-forwarded-host': RequestHeader.ForwardedHost,
  'x-real-ip': RequestHeader.ForwardedOther,
  // Hop-by-hop (RFC 9110 section 7.6.1), or meant for this hop.
  'keep-alive': RequestHeader.Drop,
  'proxy-connection': RequestHeader.Drop,
  'proxy-authorization': RequestHeader.Drop,
  'proxy-authenticate': RequestHeader.Drop,
  'http2-settings': RequestHeader.Drop,
  upgrade: RequestHeader.Drop,
  // Request trailers aren't passed on.
  trailer: RequestHeader.Drop,
  // CGI turns it into HTTP_PROXY, which many HTTP clients obey ("httpoxy").
  proxy: RequestHeader.Drop,
  // Says what X-Forwarded-* says, and would contradict it.
  forwarded: RequestHeader.Drop,
  // Would make an upstream act on another method or path than the one that was decided on.
  'x-http-method-override': RequestHeader.Drop,
  'x-http-method': RequestHeader.Drop,
  'x-method-override': RequestHeader.Drop,
  'x-original-url': RequestHeader.Drop,
  'x-rewrite-url': RequestHeader.Drop,
};

const RESPONSE_HEADERS: Readonly<Record<string, ResponseHeader>> = {
  connection: ResponseHeader.Connection,
  'content-length': ResponseHeader.ContentLength,
  'transfer-encoding': ResponseHeader.TransferEncoding,
  trailer: ResponseHeader.Trailer,
  'set-cookie': ResponseHeader.SetCookie,
  'keep-alive': ResponseHeader.Drop,
  'proxy-connection': ResponseHeader.Drop,
  'proxy-authenticate': ResponseHeader.Drop,
  'proxy-authentication-info': ResponseHeader.Drop,
  te: ResponseHeader.Drop,
  upgrade: ResponseHeader.Drop,
  // The gateway's own is put there.
  'x-request-id': ResponseHeader.Drop,
};

/** Spellings seen so far. Clients could make up names for ever, so beyond this many they are looked at each time. */
const SPELLINGS_MAX = 2_048;
const requestSpellings = new Map<string, RequestHeader>();
const responseSpellings = new Map<string, ResponseHeader>();

/** @param name as the client spelled it */
export function requestHeader(name: string): RequestHeader {
  return remembered(requestSpellings, name, classifyRequestHeader);
}

/** @param name as the upstream spelled it */
export function responseHeader(name: string): ResponseHeader {
  return remembered(responseSpellings, name, classifyResponseHeader);
}

function remembered<T>(spellings: Map<string, T>, name: string, classify: (lower: string) => T): T {
  const known = spellings.get(name);
  if (known !== undefined) return known;
  const kind = classify(name.toLowerCase());
  if (spellings.size < SPELLINGS_MAX) spellings.set(name, kind);
  return kind;
}

function classifyRequestHeader(lower: string): RequestHeader {
  // CGI and its heirs fold every other character into `_`: what becomes a special name by that must not get through.
  const folded = lower.replace(/[^a-z0-9]/g, '-');
  const kind = byName(folded);
  return folded !== lower && kind !== RequestHeader.Forward ? RequestHeader.Drop : kind;
}

function byName(lower: string): RequestHeader {
  const kind = Object.hasOwn(REQUEST_HEADERS, lower) ? REQUEST_HEADERS[lower] : undefined;
  if (kind !== undefined) return kind;
  if (lower.startsWith('x-auth-') || lower.startsWith('portcullis-')) return RequestHeader.Drop;
  return lower.startsWith('x-forwarded-') ? RequestHeader.ForwardedOther : RequestHeader.Forward;
}

function classifyResponseHeader(lower: string): ResponseHeader {
  const kind = Object.hasOwn(RESPONSE_HEADERS, lower) ? RESPONSE_HEADERS[lower] : undefined;
  if (kind !== undefined) return kind;
  if (lower.startsWith('access-control-')) return ResponseHeader.AccessControl;
  return lower.startsWith('portcullis-') ? ResponseHeader.Portcullis : ResponseHeader.Forward;
}

const ALWAYS_HOP_BY_HOP = new Set(['keep-alive', 'close', 'upgrade', 'te', 'transfer-encoding', '']);

/**
 * The header names that a `Connection` header adds to the hop-by-hop ones (RFC 9110 section 7.6.1), in lower case.
 *
 * @returns undefined when there are none beyond those that are removed anyway
 */
export function connectionNames(value: string): string[] | undefined {
  const lower = value.toLowerCase();
  if (lower === 'keep-alive' || lower === 'close') return undefined;
  const names = lower.split(',').map((name) => name.trim());
  const others = names.filter((name) => !ALWAYS_HOP_BY_HOP.has(name));
  return others.length > 0 ? others : undefined;
}

/** Takes the headers with these names out of a flat list of names and values. */
export function withoutHeaders(headers: readonly string[], namesInLowerCase: readonly string[]): string[] {
  const names = new Set(namesInLowerCase); // a client may name thousands
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (!names.has(name.toLowerCase())) kept.push(name, headers[i + 1] as string);
  }
  return kept;
}
