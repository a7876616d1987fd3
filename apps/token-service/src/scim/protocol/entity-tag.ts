import { createHash } from 'node:crypto';
import { PRECONDITION_FAILED } from './scim-problem.js';

/** A weak entity tag (RFC 9110 section 8.8.3) of what a resource is made of. */
export function weakTag(...parts: unknown[]): string {
  return `W/"${createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22)}"`;
}

/** Whether a condition's list of tags names this one, by weak comparison; `*` names any. */
export function namesTag(condition: string, tag: string): boolean {
  return condition.split(',').some((each) => each.trim() === '*' || opaque(each) === opaque(tag));
}

function opaque(tag: string): string {
  return tag.trim().replace(/^W\//i, '');
}

/** @throws Problem 412 when `If-Match` was sent and names another version (RFC 7644 section 3.14) */
export function assertMatch(ifMatch: string | undefined, tag: string): void {
  if (ifMatch !== undefined && !namesTag(ifMatch, tag)) throw PRECONDITION_FAILED;
}
