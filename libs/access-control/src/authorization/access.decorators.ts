import { type CustomDecorator, type ExecutionContext, SetMetadata } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import type { Role } from '@portcullis/contracts';

/** What a route asks for. A route that says nothing is refused. */
export type RouteAccess =
  | { kind: 'public' }
  /** Anyone with a credential that isn't limited to SCIM. */
  | { kind: 'authenticated' }
  | { kind: 'role'; role: Role }
  /** Someone who has signed in: no bearer token, whoever's it is. */
  | { kind: 'session' }
  /** SCIM tokens, and unrestricted tokens of Admins. */
  | { kind: 'scim' }
  /** Gateways, by the internal secret. Guarded by the app that has such routes. */
  | { kind: 'internal' };

const ROUTE_ACCESS = 'portcullis:route-access';

export const Public = (): CustomDecorator => SetMetadata(ROUTE_ACCESS, { kind: 'public' } satisfies RouteAccess);
export const Authenticated = (): CustomDecorator =>
  SetMetadata(ROUTE_ACCESS, { kind: 'authenticated' } satisfies RouteAccess);
export const RequiresRole = (role: Role): CustomDecorator =>
  SetMetadata(ROUTE_ACCESS, { kind: 'role', role } satisfies RouteAccess);
export const RequiresSession = (): CustomDecorator =>
  SetMetadata(ROUTE_ACCESS, { kind: 'session' } satisfies RouteAccess);
export const RequiresScim = (): CustomDecorator => SetMetadata(ROUTE_ACCESS, { kind: 'scim' } satisfies RouteAccess);
export const InternalOnly = (): CustomDecorator =>
  SetMetadata(ROUTE_ACCESS, { kind: 'internal' } satisfies RouteAccess);

/** The access that a handler declares, or its controller where it declares none. */
export function routeAccess(reflector: Reflector, handler: Function, controller: Function): RouteAccess | undefined {
  return reflector.getAllAndOverride<RouteAccess | undefined>(ROUTE_ACCESS, [handler as never, controller as never]);
}

/** Routes that need no bearer token: open ones, and those that show the internal secret instead. */
export function isPublic(reflector: Reflector, context: ExecutionContext): boolean {
  const access = routeAccess(reflector, context.getHandler(), context.getClass());
  return access?.kind === 'public' || access?.kind === 'internal';
}
