import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { CSRF_HEADER, Problem } from '@portcullis/contracts';
import type { IncomingHttpHeaders } from 'node:http';

const SAFE_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

const OTHER_ORIGIN = new Problem(403, 'cross_origin', 'A session is for pages of this origin');
const HEADER_REQUIRED = new Problem(403, 'csrf_header_required', `A session needs the header ${CSRF_HEADER} to change something`, {
  errors: [{ field: CSRF_HEADER, message: 'is required' }],
}); // prettier-ignore

/**
 * Whether a request that goes by a cookie was made by a page of our own. A form or an image of another origin can't set a header,
 * and a script of another origin only with the leave of a preflight, which nothing here gives. Browsers that say where a
 * request comes from (Fetch Metadata) are believed too.
 *
 * @returns the problem (403) to answer with, or undefined
 */
export function crossOriginRefusal(method: string, headers: IncomingHttpHeaders): Problem | undefined {
  const isSafe = SAFE_METHODS.includes(method);
  const site = headers['sec-fetch-site'];
  const isForeign = site !== undefined && site !== 'same-origin' && !(site === 'none' && isSafe);
  if (isForeign) return OTHER_ORIGIN;
  return isSafe || headers[CSRF_HEADER] !== undefined ? undefined : HEADER_REQUIRED;
}

/** For routes that set or take away the cookie, and need none themselves. */
@Injectable()
export class SameOriginGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { method, headers } = context.switchToHttp().getRequest<{ method: string; headers: IncomingHttpHeaders }>();
    const refusal = crossOriginRefusal(method, headers);
    if (refusal) throw refusal;
    return true;
  }
}
