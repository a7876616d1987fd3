import type { Rate } from '../limits/rate.js';
import type { RoleRequirement } from './role-requirement.js';

/** Who may call a route from a browser page of another origin. */
export interface CorsPolicy {
  readonly origins: ReadonlySet<string>;
}

/** How much one token, and one user with all of their tokens, may use a route. */
export interface RouteLimits {
  readonly perToken: Rate | undefined;
  readonly perUser: Rate | undefined;
}

/** One guarded API, as the routes file describes it. */
export interface Route {
  /** Normalised, without a trailing slash. */
  readonly prefix: string;
  /** Origins, e.g. `http://127.0.0.1:4001`. */
  readonly upstreams: readonly string[];
  readonly roles: RoleRequirement;
  readonly forwardAuthorization: boolean;
  readonly passesEncodedSlash: boolean;
  readonly passesParameters: boolean;
  readonly cors: CorsPolicy | undefined;
  /** undefined: none. */
  readonly limits: RouteLimits | undefined;
}
