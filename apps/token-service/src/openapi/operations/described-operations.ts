import { CLI, SESSIONS } from './sessions.js';
import type { DescribedScimOperation } from './scim.js';
import { SCIM } from './scim.js';
import { TOKENS } from './tokens.js';
import { UPKEEP } from './upkeep.js';
import { TEAMS, USERS } from './users.js';

/** All that is described, by the id of the operation. */
export const OPERATIONS: Readonly<Record<string, DescribedScimOperation>> = {
  ...TOKENS,
  ...USERS,
  ...TEAMS,
  ...SESSIONS,
  ...CLI,
  ...UPKEEP,
  ...SCIM,
};
