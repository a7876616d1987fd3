import type { CorsPolicy } from '../authorization/route.js';

const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/;
const REQUEST_HEADERS_LENGTH_MAX = 4_096;
const PREFLIGHT_AGE_SECONDS = 600;

const VARY_ORIGIN: readonly string[] = ['Vary', 'Origin'];

/**
 * The CORS headers of an answer on a route with a CORS policy, as a flat list. Without credentials mode: the token travels in
 * `Authorization`, which a page sets itself.
 */
export function corsHeaders(policy: CorsPolicy, origin: string | undefined): readonly string[] {
  if (origin === undefined || !policy.origins.has(origin)) return VARY_ORIGIN;
  return ['Access-Control-Allow-Origin', origin, 'Access-Control-Expose-Headers', '*', ...VARY_ORIGIN];
}

/**
 * The headers of the answer to a preflight (Fetch standard, section 3.2.2), as a flat list.
 *
 * @param method `Access-Control-Request-Method`
 * @param headers `Access-Control-Request-Headers`
 * @returns undefined when the origin isn't allowed or the preflight is malformed
 */
export function preflightHeaders(
  policy: CorsPolicy,
  origin: string,
  method: string,
  headers: string | undefined,
): string[] | undefined {
  if (!policy.origins.has(origin) || !TOKEN.test(method)) return undefined;
  const names = headers === undefined ? [] : headers.slice(0, REQUEST_HEADERS_LENGTH_MAX).split(',');
  const trimmed = names.map((name) => name.trim());
  if (!trimmed.every((name) => TOKEN.test(name))) return undefined;
  const answer = ['Access-Control-Allow-Origin', origin, 'Access-Control-Allow-Methods', method];
  // Named one by one: `*` doesn't cover Authorization.
  if (trimmed.length > 0) answer.push('Access-Control-Allow-Headers', trimmed.join(', '));
  answer.push('Access-Control-Max-Age', String(PREFLIGHT_AGE_SECONDS));
  answer.push('Vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers');
  return answer;
}
