import { Problem } from '@portcullis/contracts';

/** RFC 7644 section 3.12, table 9. */
export type ScimType =
  | 'invalidFilter'
  | 'invalidPath'
  | 'invalidSyntax'
  | 'invalidValue'
  | 'mutability'
  | 'noTarget'
  | 'tooMany'
  | 'uniqueness';

/** 400 with one of SCIM's own words for what is wrong. */
export function badRequest(scimType: ScimType, detail: string): Problem {
  return new Problem(400, 'invalid_request', detail, { scimType });
}

export function notUnique(detail: string): Problem {
  return new Problem(409, 'conflict', detail, { scimType: 'uniqueness' });
}

export function noSuchResource(kind: string): Problem {
  return new Problem(404, 'not_found', `There is no ${kind} with this id`);
}

/** People who were made here, and not by an identity provider, are not its to change. */
export function notManaged(userNames: readonly string[]): Problem {
  const detail = `Not provisioned over SCIM, so it can't be changed over SCIM: ${userNames.join(', ')} (PORTCULLIS_SCIM_ADOPT)`;
  return new Problem(403, 'not_managed_by_scim', detail);
}

export const PRECONDITION_FAILED = new Problem(
  412,
  'precondition_failed',
  'The resource has changed since that version',
);
