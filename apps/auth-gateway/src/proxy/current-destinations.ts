import type { RequestTarget } from '../authorization/request-target.js';
import type { Route } from '../authorization/route.js';
import type { Quotas } from '../limits/quotas.js';
import type { Problem } from '@portcullis/contracts';
import { type Destination, Destinations } from './destinations.js';
import type { Upstreams } from './upstream.js';

/** Where the routes come from; RoutesFile is one. */
export interface RouteSource {
  readonly routes: readonly Route[];
  onChange(listener: (routes: readonly Route[]) => void): void;
}

/** Where requests go by the routes as they are now. A request goes on with what it has found when they change. */
export class CurrentDestinations {
  #destinations: Destinations;

  /** @param tokenServiceUrls origins of the token-service's API */
  constructor(
    source: RouteSource,
    private readonly upstreams: Upstreams,
    private readonly quotas: Quotas,
    private readonly tokenServiceUrls: readonly string[],
  ) {
    this.#destinations = this.by(source.routes);
    source.onChange((routes) => {
      this.#destinations = this.by(routes);
    });
  }

  /** @see Destinations.find */
  find(target: RequestTarget): Destination | Problem {
    return this.#destinations.find(target);
  }

  private by(routes: readonly Route[]): Destinations {
    const lists = [this.tokenServiceUrls, ...routes.map((route) => route.upstreams)];
    const [tokenService, ...groups] = this.upstreams.groups(lists);
    const groupOf = new Map(routes.map((route, i) => [route, groups[i]]));
    return new Destinations(
      routes,
      (route) => groupOf.get(route) as never,
      this.quotas.of(routes),
      tokenService as never,
    );
  }
}
