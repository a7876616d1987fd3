import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { insufficientScope, Problem } from '@portcullis/contracts';
import type { Caller } from '../authentication/caller.js';
import { routeAccess, type RouteAccess } from './access.decorators.js';
import { roleRefusal } from './role-policy.js';
import { scimScopeRefusal } from './scim-scope.js';

const SESSION_REQUIRED = insufficientScope('This is for people who have signed in, not for tokens', 'session_required');

/** Refuses every route that declares no access, and every caller whose scope or role is not enough. Runs after authentication. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const access = routeAccess(this.reflector, context.getHandler(), context.getClass());
    if (!access) throw new Problem(403, 'no_access_declared', 'This route declares no access, so it is refused');
    if (access.kind === 'public' || access.kind === 'internal') return true;

    const caller = context.switchToHttp().getRequest<{ user?: Caller }>().user;
    if (!caller) throw new Problem(403, 'not_authenticated', 'This route needs an authenticated caller');
    if (access.kind === 'session' && caller.tokenId !== null) throw SESSION_REQUIRED;
    const refusal = scimScopeRefusal(caller, access.kind === 'scim') ?? refusalByRole(caller, access);
    if (refusal) throw refusal;
    return true;
  }
}

function refusalByRole(caller: Caller, access: RouteAccess): Problem | undefined {
  return access.kind === 'role' ? roleRefusal(caller, access.role) : undefined;
}
