import { Problem } from '@portcullis/contracts';

/** The proxies that may ask at `/verify`, each in its own way. */
export const FORWARD_AUTH_PROXIES = ['nginx', 'traefik', 'envoy'] as const;
export type ForwardAuthProxy = (typeof FORWARD_AUTH_PROXIES)[number];

/** What the client asked the proxy for, as the proxy tells it. */
export interface OriginalRequest {
  readonly method: string;
  /** Path and query, not normalised yet. */
  readonly target: string;
  readonly upgrades: boolean;
}

export const VERIFY_PATH = '/verify';

/** Where each proxy says what it was asked for. Envoy sends the request's own method, and its path below `/verify`. */
const TOLD_IN = {
  nginx: ['x-original-method', 'x-original-uri'],
  traefik: ['x-forwarded-method', 'x-forwarded-uri'],
  envoy: undefined,
} as const;

const METHOD_HEADERS = ['x-original-method', 'x-forwarded-method'];
const TARGET_HEADERS = ['x-original-uri', 'x-forwarded-uri'];
const URL_HEADERS = ['x-original-url', 'x-rewrite-url'];
/** Would make the API behind the proxy act on another method; a proxy that asks here hands them on to it. */
const OVERRIDES = ['x-http-method-override', 'x-http-method', 'x-method-override'];
const READ = new Set([
  ...METHOD_HEADERS,
  ...TARGET_HEADERS,
  ...URL_HEADERS,
  ...OVERRIDES,
  'sec-websocket-key',
  'upgrade',
]);

const METHOD = /^[A-Z]{1,32}$/;
const ORIGIN = /^https?:\/\/[^/?#]*$/i;

const forbidden = (code: string, detail: string): Problem => new Problem(403, code, detail);
const NOT_TOLD = forbidden(
  'original_request_unknown',
  'The proxy does not say, once and clearly, what it was asked for',
);
const TAKEN_FOR_IDENTITY = forbidden(
  'contradictory_headers',
  'A header could be taken for one that tells who is calling',
);
const CONTRADICTION = forbidden('contradictory_headers', 'A header names another method or path than the request has');

/**
 * An `X-Auth-…` in another spelling, such as `X_Auth_Role`: proxies put the answer's headers in place of those with the same name,
 * and the API behind may fold them into one.
 */
const IDENTITY_FOLDED = 'x-auth-…';

/** Whether a request is one of the proxy's questions. */
export function isVerification(proxy: ForwardAuthProxy, url: string): boolean {
  if (!url.startsWith(VERIFY_PATH)) return false;
  const next = url[VERIFY_PATH.length];
  return next === undefined || next === '?' || (next === '/' && proxy === 'envoy');
}

/**
 * Reads what a proxy was asked for, from the headers of that proxy alone. Whatever else names a method or a path may come from
 * the client: the proxy passes it on, so where it says something else, the API behind could act on that.
 *
 * @param rawHeaders names and values as Node's parser gives them
 * @returns the request, or the 403 to answer with (a shared object)
 */
export function readOriginalRequest(
  proxy: ForwardAuthProxy,
  method: string,
  url: string,
  rawHeaders: readonly string[],
): OriginalRequest | Problem {
  const headers = collect(rawHeaders);
  const told = TOLD_IN[proxy];
  const methods = told ? headers.get(told[0]) : [method];
  const targets = told ? headers.get(told[1]) : [url.slice(VERIFY_PATH.length)];
  if (methods?.length !== 1 || targets?.length !== 1) return NOT_TOLD;
  const original = { method: methods[0] as string, target: targets[0] as string };
  if (!METHOD.test(original.method) || !original.target.startsWith('/')) return NOT_TOLD;
  if (headers.has(IDENTITY_FOLDED)) return TAKEN_FOR_IDENTITY;
  if (contradicts(headers, original)) return CONTRADICTION;
  return { ...original, upgrades: headers.has('upgrade') || headers.has('sec-websocket-key') };
}

/** Those that are looked at, by name with every other character as `-`: CGI and its heirs fold them too. */
function collect(rawHeaders: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = nameRead(rawHeaders[i] as string);
    if (name === '') continue;
    const values = found.get(name);
    if (values) values.push(rawHeaders[i + 1] as string);
    else found.set(name, [rawHeaders[i + 1] as string]);
  }
  return found;
}

/** Spellings seen so far, with the name that they are read under, or ''. Clients could make up spellings for ever. */
const SPELLINGS_MAX = 1_024;
const spellings = new Map<string, string>();

function nameRead(spelling: string): string {
  const known = spellings.get(spelling);
  if (known !== undefined) return known;
  const lower = spelling.toLowerCase();
  const folded = lower.replace(/[^a-z0-9]/g, '-');
  const isFolded = folded !== lower && folded.startsWith('x-auth-');
  const name = isFolded ? IDENTITY_FOLDED : READ.has(folded) ? folded : '';
  if (spellings.size < SPELLINGS_MAX) spellings.set(spelling, name);
  return name;
}

function contradicts(
  headers: ReadonlyMap<string, string[]>,
  { method, target }: Omit<OriginalRequest, 'upgrades'>,
): boolean {
  const others = (names: readonly string[], agrees: (value: string) => boolean): boolean =>
    names.some((name) => headers.get(name)?.some((value) => !agrees(value)) ?? false);
  return (
    others([...METHOD_HEADERS, ...OVERRIDES], (value) => value === method) ||
    others(TARGET_HEADERS, (value) => value === target) ||
    others(URL_HEADERS, (value) => value.endsWith(target) && isOriginOrNothing(value.slice(0, -target.length)))
  );
}

function isOriginOrNothing(text: string): boolean {
  return text === '' || ORIGIN.test(text);
}
