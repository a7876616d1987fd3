import type { INestApplication } from '@nestjs/common';
import { MetadataScanner, ModulesContainer, Reflector } from '@nestjs/core';
import { routeAccess, type RouteAccess } from '@portcullis/access-control';

/** The id of an operation: that of its method, whatever paths it has. */
export function operationIdOf(controller: string, method: string): string {
  return `${controller.replace(/Controller$/, '').toLowerCase()}_${method}`;
}

/** Who may call each operation, as its route declares it. */
export function operationAccess(app: INestApplication): ReadonlyMap<string, RouteAccess> {
  const reflector = new Reflector();
  const controllers = [...app.get(ModulesContainer).values()].flatMap((module) => [...module.controllers.values()]);
  return new Map(
    controllers.flatMap(({ metatype }) => {
      const prototype = metatype!.prototype as Record<string, Function>;
      return new MetadataScanner().getAllMethodNames(prototype).flatMap((name): [string, RouteAccess][] => {
        const access = routeAccess(reflector, prototype[name]!, metatype as Function);
        return access ? [[operationIdOf(metatype!.name, name), access]] : [];
      });
    }),
  );
}

const ANYONE = 'Open to everyone.';

/** Who may call it, in words. */
export function accessInWords(access: RouteAccess | undefined): string {
  switch (access?.kind) {
    case 'role':
      return `Needs the role ${access.role}.`;
    case 'authenticated':
      return 'For everyone who has a token or is signed in.';
    case 'session':
      return 'For people who are signed in.';
    case 'scim':
      return 'For SCIM administration tokens, and unrestricted tokens of Admins.';
    default:
      return ANYONE;
  }
}

/** Which credentials an operation takes (OpenAPI's security requirements). */
export function securityOf(access: RouteAccess | undefined, changes: boolean): Record<string, string[]>[] {
  const session = changes ? { session: [], csrf: [] } : { session: [] };
  switch (access?.kind) {
    case 'role':
    case 'authenticated':
      return [{ bearer: [] }, session];
    case 'session':
      return [session];
    case 'scim':
      return [{ scim: [] }];
    default:
      return [];
  }
}
