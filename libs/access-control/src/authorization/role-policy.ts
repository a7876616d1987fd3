import { insufficientScope, type Problem, type Role, ROLES, roleIncludes } from '@portcullis/contracts';
import type { Caller } from '../authentication/caller.js';

/** One refusal per role, made once. */
const REFUSALS = Object.fromEntries(
  ROLES.map((role) => [role, insufficientScope(`This needs the role ${role}`)]),
) as Record<Role, Problem>;

/** @returns the problem to answer with, or undefined when the caller's role is enough */
export function roleRefusal(caller: Caller, required: Role): Problem | undefined {
  return roleIncludes(caller.principal.role, required) ? undefined : REFUSALS[required];
}
