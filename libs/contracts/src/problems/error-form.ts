import { type Problem, PROBLEM_MEDIA_TYPE } from './problem.js';

export const SCIM_MEDIA_TYPE = 'application/scim+json';
export const SCIM_ERROR_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:Error';

/** How a problem is written into the body of an answer. */
export interface ErrorForm {
  readonly mediaType: string;
  body(problem: Problem): string;
}

/** RFC 9457. */
export const PROBLEM_DETAILS: ErrorForm = {
  mediaType: PROBLEM_MEDIA_TYPE,
  body: (problem) => JSON.stringify(problem),
};

/** RFC 7644 section 3.12. */
export const SCIM_ERROR: ErrorForm = {
  mediaType: SCIM_MEDIA_TYPE,
  body: ({ status, code, detail, extra }) => {
    const scimType = extra.scimType ?? (code === 'invalid_request' ? 'invalidSyntax' : undefined);
    return JSON.stringify({ schemas: [SCIM_ERROR_SCHEMA], status: String(status), scimType, detail });
  },
};
