import { Problem } from '@portcullis/contracts';
import { OWN_PATHS, type OwnPath, ROOT_PATH } from '../authorization/own-paths.js';
import type { RequestTarget } from '../authorization/request-target.js';
import { RouteTable } from '../authorization/route-table.js';
import type { Route } from '../authorization/route.js';
import type { RouteQuotas } from '../limits/quotas.js';
import type { HeaderRules } from './client-headers.js';
import type { UpstreamGroup } from './upstream.js';

/** Where a request goes: one of Portcullis's own paths, or a guarded API. */
export interface Destination {
  readonly prefix: string;
  /** undefined: a guarded API. */
  readonly own: OwnPath | undefined;
  /** undefined: one of Portcullis's own paths. */
  readonly route: Route | undefined;
  /** undefined: not proxied. */
  readonly group: UpstreamGroup | undefined;
  readonly headerRules: HeaderRules;
  /** undefined: no limits. */
  readonly quotas: RouteQuotas | undefined;
}

const NOT_FOUND = new Problem(404, 'not_found', 'There is nothing at this path');

const refusal = (message: string): Problem =>
  new Problem(400, 'invalid_request_target', `path: ${message}`, { errors: [{ field: 'path', message }] });
const ENCODED_SLASH = refusal('%2F is not taken here');
const PARAMETERS = refusal('; is not taken here');
const AMBIGUOUS = refusal('it could be read as a path of another route');

/** Portcullis's own paths and the routes file's, in one table: no route is below an own path, so the longest prefix is right. */
export class Destinations {
  readonly #table: RouteTable<Destination>;
  readonly #root: Destination;

  /**
   * @param groupOf the upstreams of a route
   * @param quotas the limits of those routes that have some
   * @param tokenService serves Portcullis's own API
   */
  constructor(
    routes: readonly Route[],
    groupOf: (route: Route) => UpstreamGroup,
    quotas: ReadonlyMap<Route, RouteQuotas>,
    tokenService: UpstreamGroup,
  ) {
    this.#root = ownDestination(ROOT_PATH, tokenService);
    this.#table = new RouteTable([
      ...routes.map((route) => routeDestination(route, groupOf(route), quotas.get(route))),
      ...OWN_PATHS.map((own) => ownDestination(own, tokenService)),
    ]);
  }

  /** @returns where the request goes, or the 400 or 404 to answer with (a shared object) */
  find(target: RequestTarget): Destination | Problem {
    if (target.path === ROOT_PATH.prefix) return this.#root;
    const destination = this.#table.find(target.path);
    if (target.hasEncodedSlash || target.hasParameters) {
      const refused = this.refuseReadings(target, destination);
      if (refused) return refused;
    }
    if (destination === undefined || destination.own?.servedBy === 'nothing') return NOT_FOUND;
    return destination.own?.exact && target.path !== destination.prefix ? NOT_FOUND : destination;
  }

  private refuseReadings(target: RequestTarget, destination: Destination | undefined): Problem | undefined {
    if (target.hasEncodedSlash && !destination?.route?.passesEncodedSlash) return ENCODED_SLASH;
    if (target.hasParameters && !destination?.route?.passesParameters) return PARAMETERS;
    return target.otherReadings.every((path) => this.#table.find(path) === destination) ? undefined : AMBIGUOUS;
  }
}

function routeDestination(route: Route, group: UpstreamGroup, quotas: RouteQuotas | undefined): Destination {
  const headerRules = { forwardAuthorization: route.forwardAuthorization, forwardOwnCookies: false };
  return { prefix: route.prefix, own: undefined, route, group, headerRules, quotas };
}

function ownDestination(own: OwnPath, tokenService: UpstreamGroup): Destination {
  const takesToken = own.servedBy === 'guarded' || own.servedBy === 'token';
  const takesSession = own.servedBy === 'guarded' || own.servedBy === 'session';
  return {
    prefix: own.prefix,
    own,
    route: undefined,
    group: takesToken || takesSession || own.servedBy === 'public' ? tokenService : undefined,
    headerRules: { forwardAuthorization: takesToken, forwardOwnCookies: takesSession },
    quotas: undefined,
  };
}
