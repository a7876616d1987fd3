import { type Caller, isScimPath, roleRefusal, scimScopeRefusal } from '@portcullis/access-control';
import type { Problem } from '@portcullis/contracts';
import type { Destination } from './destinations.js';

/** What is to be done, where: all that the policy goes by. */
export interface Action {
  readonly destination: Destination;
  readonly method: string;
  /** Normalised. */
  readonly path: string;
  /** Another protocol is asked for. */
  readonly upgrades: boolean;
}

/** What speaks against a caller who is authenticated: the SCIM scope, or the role that the route asks for. */
export function policyRefusal({ destination, method, path, upgrades }: Action, caller: Caller): Problem | undefined {
  const refused = scimScopeRefusal(caller, isScimPath(path));
  if (refused || destination.route === undefined) return refused;
  return roleRefusal(caller, destination.route.roles.roleFor(method, upgrades));
}
