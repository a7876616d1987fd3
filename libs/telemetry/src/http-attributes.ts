import type { Attributes } from '@opentelemetry/api';

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT', 'QUERY']);

/** A request's method as the semantic conventions want it: `_OTHER` for one that a client may have made up. */
export function methodAttributes(method: string): Attributes & { 'http.request.method': string } {
  if (METHODS.has(method)) return { 'http.request.method': method };
  return { 'http.request.method': '_OTHER', 'http.request.method_original': method };
}
