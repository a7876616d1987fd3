import { STATUS_CODES } from 'node:http';

/** One field of a request that was refused, and why. `field` is the JSON or query name, dotted when nested. */
export interface FieldError {
  field: string;
  message: string;
}

/** RFC 9457 problem details, with a stable `code` for programs. */
export interface ProblemDetails {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  errors?: FieldError[];
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

export interface ProblemExtra {
  errors?: FieldError[];
  /** Response headers. */
  headers?: Record<string, string>;
  /** The `scimType` of RFC 7644 section 3.12, for answers of SCIM. */
  scimType?: string;
  /** Further members of the body (RFC 9457 section 3.2). */
  members?: Record<string, unknown>;
}

/**
 * An error that may be shown to the caller. Anything else that is thrown becomes a plain 500 without detail.
 *
 * `detail` is public text: it never carries a token, a hash or a stack.
 */
export class Problem extends Error {
  constructor(
    readonly status: number,
    /** Stable, snake_case; documented in the OpenAPI document. */
    readonly code: string,
    readonly detail: string,
    readonly extra: ProblemExtra = {},
  ) {
    super(detail);
    this.name = 'Problem';
  }

  toJSON(): ProblemDetails {
    return { ...problemDetails(this.status, this.code, this.detail, this.extra.errors), ...this.extra.members };
  }
}

/** Builds the body of a problem response (RFC 9457 section 3). `type` is `about:blank`-free: one URN per code. */
export function problemDetails(status: number, code: string, detail: string, errors?: FieldError[]): ProblemDetails {
  const details: ProblemDetails = {
    type: `urn:portcullis:problem:${code}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail,
    code,
  };
  if (errors && errors.length > 0) details.errors = errors;
  return details;
}

/** 400 that names one field. */
export function invalidField(field: string, message: string, code = 'invalid_request'): Problem {
  return new Problem(400, code, `${field}: ${message}`, { errors: [{ field, message }] });
}

/** 401 with the challenge of RFC 6750 section 3. Without `error` when no credential was sent at all. */
export function unauthorized(detail: string, error?: 'invalid_token' | 'invalid_request'): Problem {
  return new Problem(401, error ?? 'missing_token', detail, {
    headers: { 'WWW-Authenticate': bearerChallenge(error, detail) },
  });
}

/** 403 with the challenge of RFC 6750 section 3.1. @param code where it has a meaning of its own */
export function insufficientScope(detail: string, code = 'insufficient_scope'): Problem {
  return new Problem(403, code, detail, {
    headers: { 'WWW-Authenticate': bearerChallenge('insufficient_scope', detail) },
  });
}

/** The value of `WWW-Authenticate` (RFC 6750 section 3); the description is cut to the characters that it allows. */
export function bearerChallenge(error?: string, description?: string): string {
  if (!error) return 'Bearer realm="portcullis"';
  const safe = (description ?? '').replace(/[^\x20-\x21\x23-\x5B\x5D-\x7E]/g, '');
  return `Bearer realm="portcullis", error="${error}", error_description="${safe}"`;
}
