import { Problem } from '@portcullis/contracts';
import { BodyTimeoutError } from './request-body.js';

const UNREACHABLE = new Problem(502, 'upstream_unreachable', 'The service behind the gateway could not be reached');
/** Portcullis's own API: whoever calls it knows no upstream. */
const UNAVAILABLE = new Problem(503, 'unavailable', 'No token-service can be reached at the moment; try again', {
  headers: { 'Retry-After': '1' },
});
export const UPSTREAM_FAILED = new Problem(
  502,
  'upstream_failed',
  'The service behind the gateway gave no valid answer',
);
const TIMEOUT = new Problem(504, 'upstream_timeout', 'The service behind the gateway took too long to answer');
const CLIENT_TIMEOUT = new Problem(408, 'request_timeout', 'The request took too long to arrive');
export const UPSTREAM_BUSY = new Problem(
  503,
  'upstream_busy',
  'Too many requests wait for the service behind the gateway',
  {
    headers: { 'Retry-After': '1' },
  },
);

const TIMEOUT_CODES = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
]);

/**
 * What to answer when an exchange with an upstream failed before any answer came.
 *
 * @param sent the request was already on its way
 * @param own it was for Portcullis's own API
 */
export function upstreamProblem(error: Error, sent: boolean, own: boolean): Problem {
  if (error instanceof BodyTimeoutError) return CLIENT_TIMEOUT;
  if (own && !sent) return UNAVAILABLE;
  const code = (error as NodeJS.ErrnoException).code;
  if (code !== undefined && TIMEOUT_CODES.has(code)) return TIMEOUT;
  return sent ? UPSTREAM_FAILED : UNREACHABLE;
}

/** undici itself refuses the request, so no other upstream would take it. */
export function isOurFault(error: Error): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED';
}

/** The upstream is to blame, and neither the client nor the gateway. */
export function isUpstreamsFault(error: Error): boolean {
  return !(error instanceof BodyTimeoutError) && !isOurFault(error);
}
