import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Caller } from '@portcullis/access-control';
import { API_BODY_BYTES_MAX, Problem } from '@portcullis/contracts';
import type { StandingAccess } from '../access-view/standing-access.js';
import type { TrafficMeter } from '../access-view/traffic-meter.js';
import type { Gate } from '../authentication/gate.js';
import { parseRequestTarget } from '../authorization/request-target.js';
import type { Route } from '../authorization/route.js';
import { FailedAuthentications } from '../limits/failed-authentications.js';
import { LimitTally } from '../limits/limit-tally.js';
import { Quotas } from '../limits/quotas.js';
import type { Rate } from '../limits/rate.js';
import type { ObservedRequest } from '../observation/observed-request.js';
import type { RequestObserver } from '../observation/request-observer.js';
import type { TokenServiceTls } from '../tls/token-service-tls.js';
import type { UsageRecorder } from '../usage/usage-recorder.js';
import { Destinations } from './destinations.js';
import { Exchange } from './exchange.js';
import { ForwardAuth } from './forward-auth.js';
import { ForwardedBy } from './forwarded-by.js';
import { InFlight } from './in-flight.js';
import { OpenStreams } from './open-streams.js';
import { type ForwardAuthProxy, VERIFY_PATH } from './original-request.js';
import { carriesSession } from './own-cookies.js';
import { answerPreflight, type Passage, readPassage } from './passage.js';
import { policyRefusal } from './policy.js';
import { answerProblem } from './problem-answer.js';
import { RequestBody } from './request-body.js';
import { RouteTraffic } from './route-traffic.js';
import { TrustedProxies } from './trusted-proxies.js';
import { requestedProtocol, UpgradeResponse } from './upgrade-response.js';
import { Upgrades } from './upgrades.js';
import { headersForRoute, headersForTokenService } from './upstream-headers.js';
import { DEFAULT_UPSTREAM_LIMITS, type UpstreamClient, type UpstreamLimits, Upstreams } from './upstream.js';

/** Where the routes come from; RoutesFile is one. */
export interface RouteSource {
  readonly routes: readonly Route[];
  onChange(listener: (routes: readonly Route[]) => void): void;
}

export interface DataPathOptions {
  readonly instance: string;
  readonly internalSecret: string;
  /** Origins of the token-service's API. */
  readonly tokenServiceUrls: readonly string[];
  /** Addresses or CIDR ranges. */
  readonly trustedProxies: readonly string[];
  /** Upgraded connections at once. */
  readonly upgradesMax: number;
  readonly upgradesPerTokenMax: number;
  /** Bad tokens from one address; undefined: no limit. */
  readonly failedAuthLimit: Rate | undefined;
  /** Who asks at `/verify`; undefined: nobody, and it is 404. */
  readonly forwardAuth: ForwardAuthProxy | undefined;
  readonly upstreamLimits?: Partial<UpstreamLimits>;
  readonly upstreamClient?: UpstreamClient;
}

/** Where trouble is reported; Nest's Logger will do. */
export interface DataPathLog {
  warn(message: string): void;
  error(entry: { message: string } & Record<string, unknown>): void;
}

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';
const DRAINING = new Problem(503, 'shutting_down', 'This gateway is shutting down', {
  headers: { 'Retry-After': '1' },
});
const NO_TRACE = new Problem(405, 'method_not_allowed', 'TRACE is not supported', { headers: { Allow: METHODS } });
const BODY_TOO_LARGE = new Problem(413, 'body_too_large', 'The request body is too large');
const FAILED = new Problem(500, 'internal_error', 'Something went wrong in the gateway');
/** Lasts as long as its page is open, and is silent for long. */
const EVENT_STREAM_PATH = '/api/events';
const CLOSE_TIMEOUT_MS = 10_000;

/** An upgrade that is refused ends its connection: nobody knows what the client goes on with. */
const always = (): boolean => true;

/**
 * The gateway's path for requests that are passed on, in front of Nest's router: normalise, find the destination, authenticate,
 * SCIM scope, role, count the use, proxy. No await and no I/O before the proxy while the lease holds.
 */
export class DataPath {
  #destinations: Destinations;
  #draining = false;
  readonly #inFlight = new InFlight();
  readonly #streams = new OpenStreams();
  readonly #upgrades: Upgrades;
  readonly #forwardAuth: ForwardAuth | undefined;
  /** What became of requests, by route. */
  readonly routeTraffic = new RouteTraffic();
  readonly limited = new LimitTally();
  readonly #failures: FailedAuthentications;
  readonly #quotas = new Quotas(this.limited);
  readonly #upstreams: Upstreams;
  readonly #limits: UpstreamLimits;
  readonly #proxies: TrustedProxies;
  readonly #forwardedBy: ForwardedBy;

  constructor(
    private readonly options: DataPathOptions,
    private readonly gate: Gate,
    private readonly usage: UsageRecorder,
    routes: RouteSource,
    private readonly log: DataPathLog,
    private readonly traffic: Pick<TrafficMeter, 'requests' | 'refused'>,
    standing: StandingAccess,
    /** For the access log and traces; undefined when there are none. */
    private readonly observer?: RequestObserver,
    tokenServiceTls?: TokenServiceTls,
  ) {
    this.#limits = { ...DEFAULT_UPSTREAM_LIMITS, ...options.upstreamLimits };
    this.#upstreams = new Upstreams(this.#limits, log, options.upstreamClient, tokenServiceTls);
    this.#proxies = new TrustedProxies(options.trustedProxies);
    this.#forwardedBy = new ForwardedBy(options.instance, options.internalSecret);
    this.#upgrades = new Upgrades(standing, options.upgradesMax, options.upgradesPerTokenMax, this.limited);
    this.#failures = new FailedAuthentications({ rate: options.failedAuthLimit, tally: this.limited, log });
    this.#destinations = this.destinations(routes.routes);
    routes.onChange((changed) => {
      this.#destinations = this.destinations(changed);
    });
    const proxy = options.forwardAuth;
    const destinations = (): Destinations => this.#destinations;
    const failures = this.#failures;
    if (proxy)
      this.#forwardAuth = new ForwardAuth({
        proxy,
        gate,
        usage,
        traffic,
        proxies: this.#proxies,
        destinations,
        failures,
      });
  }

  /** Whether every new request is refused with 503, on kept-alive connections too. */
  get draining(): boolean {
    return this.#draining;
  }

  /** Requests that were let in and are not answered yet. */
  get inFlight(): number {
    return this.#inFlight.count;
  }

  startDraining(): void {
    this.#draining = true;
    this.#streams.cut();
    this.#upgrades.cut();
  }

  /**
   * Waits until no request is in flight.
   *
   * @returns whether that came to be within `timeoutMs`
   */
  drained(timeoutMs: number): Promise<boolean> {
    return this.#inFlight.none(timeoutMs);
  }

  /** Refuses new requests, waits for those in flight (10 s at most) and cuts the connections to upstreams. */
  async close(): Promise<void> {
    this.startDraining();
    await this.drained(CLOSE_TIMEOUT_MS);
    await this.#upstreams.destroy();
  }

  /**
   * Takes a request if it is one to pass on, and then sees to its answer.
   *
   * @returns false: it is for the gateway's own app, and nothing has been done with it
   */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    try {
      if (this.#draining) answerProblem(request, response, DRAINING, [], true);
      else return this.take(request, response);
    } catch (error) {
      this.fail(request, response, error);
    }
    return true;
  }

  /**
   * Whether a request is to have its connection to itself, to change to another protocol: one to a guarded API. Otherwise it is a
   * request like any other.
   */
  upgrades(request: IncomingMessage): boolean {
    if (requestedProtocol(request) === undefined) return false;
    const target = parseRequestTarget(request.url ?? '');
    const destination = target instanceof Problem ? target : this.#destinations.find(target);
    return !(destination instanceof Problem) && destination.route !== undefined;
  }

  /** Takes a request for which {@link upgrades} said yes. @param head what came right behind it */
  handleUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    this.handle(request, new UpgradeResponse(request, socket, head, this.#limits.upgradedIdleTimeoutMs));
  }

  private fail(request: IncomingMessage, response: ServerResponse, error: unknown, passage?: Passage): void {
    const requestId = passage?.requestId ?? randomUUID();
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.log.error({ message, request_id: requestId, trace_id: passage?.observed?.traceId });
    answerProblem(request, response, FAILED, ['X-Request-Id', requestId], true);
  }

  private take(request: IncomingMessage, response: ServerResponse): boolean {
    if (this.#forwardAuth?.takes(request.url ?? '')) {
      this.#forwardAuth.answer(request, response, this.observer?.begin(request, response, VERIFY_PATH, VERIFY_PATH));
      return true;
    }
    const target = parseRequestTarget(request.url ?? '');
    const destination = target instanceof Problem ? target : this.#destinations.find(target);
    if (destination instanceof Problem || destination.own?.servedBy !== 'gateway') this.traffic.requests += 1;
    if (target instanceof Problem || destination instanceof Problem) {
      const path = target instanceof Problem ? undefined : target.path;
      this.refuseUnread(request, response, destination as Problem, this.observer?.begin(request, response, '', path));
      return true;
    }
    if (destination.own?.servedBy === 'gateway') {
      request.url = target.target;
      return false;
    }
    const observed = this.observer?.begin(request, response, destination.prefix, target.path);
    const passage = readPassage(request, response, destination, target, this.#proxies, observed);
    if (!(passage instanceof Problem)) this.admit(passage);
    else this.refuseUnread(request, response, passage, observed, true);
    return true;
  }

  /** A request whose headers weren't looked at, or aren't in order. */
  private refuseUnread(
    request: IncomingMessage,
    response: ServerResponse,
    problem: Problem,
    observed: ObservedRequest | undefined,
    closing = false,
  ): void {
    const requestId = randomUUID();
    observed?.identify(requestId);
    observed?.refuse(problem.code);
    this.countRefused(response);
    answerProblem(request, response, problem, ['X-Request-Id', requestId], closing);
  }

  private admit(passage: Passage): void {
    const { request, response, destination } = passage;
    this.routeTraffic.add(response, destination.prefix);
    if (request.method === 'TRACE') return this.refuse(passage, NO_TRACE);
    if (answerPreflight(passage)) return;
    // The token-service would say so too, but it would close the connection while the body is still on its way.
    if (destination.own && Number(request.headers['content-length']) > API_BODY_BYTES_MAX) {
      return this.refuse(passage, BODY_TOO_LARGE);
    }

    if (passage.path === EVENT_STREAM_PATH) this.#streams.add(response);
    else if (!(response instanceof UpgradeResponse)) this.#inFlight.add(response);
    if (this.needsNoToken(passage)) return this.forward(passage, undefined);
    this.gate.authenticate(request, (result) => this.decide(passage, result));
  }

  /** Public, or on the word of a session: the token-service asks Postgres whether it holds, and refuses it for other pages. */
  private needsNoToken({ request, destination: { own } }: Passage): boolean {
    if (own?.servedBy === 'public' || own?.servedBy === 'session') return true;
    const { authorization, cookie } = request.headers;
    return own?.servedBy === 'guarded' && authorization === undefined && carriesSession(cookie);
  }

  private decide(passage: Passage, result: Caller | Problem): void {
    if (passage.response.destroyed) return;
    try {
      if (result instanceof Problem) return this.refuseUnauthenticated(passage, result);
      const problem = this.refusal(passage, result) ?? passage.destination.quotas?.take(result, passage.added);
      if (problem) this.refuse(passage, problem);
      else this.forward(passage, result);
    } catch (error) {
      // Here and not in `handle` alone: the gate may have had to ask first.
      this.fail(passage.request, passage.response, error, passage);
    }
  }

  private refuseUnauthenticated(passage: Passage, problem: Problem): void {
    this.reportRefusal(passage, problem);
    this.refuse(passage, this.#failures.answerTo(problem, passage.clientAddress));
  }

  /** For the audit trail: somebody goes on with a token that was revoked. */
  private reportRefusal({ request, destination, clientAddress, requestId }: Passage, problem: Problem): void {
    const { authorization } = request.headers;
    this.usage.recordRefusal({
      problem,
      authorization,
      address: clientAddress,
      route: destination.prefix,
      requestId,
    });
  }

  /** What speaks against a caller who is authenticated. */
  private refusal({ destination, path, request, client }: Passage, caller: Caller): Problem | undefined {
    return policyRefusal({ destination, path, method: request.method as string, upgrades: client.upgrades }, caller);
  }

  /** Decides on an upgraded connection's request anew: the same gate, the same policy. */
  private mayGoOn(passage: Passage): boolean {
    let allowed = false;
    this.gate.authenticate(passage.request, (result) => {
      allowed = !(result instanceof Problem) && this.refusal(passage, result) === undefined;
    });
    return allowed;
  }

  private forward(passage: Passage, caller: Caller | undefined): void {
    const { request, response, destination, client, target } = passage;
    const { group, route } = destination;
    if (group === undefined) return this.refuse(passage, FAILED);
    const upgrading = response instanceof UpgradeResponse && caller !== undefined;
    const full = upgrading && this.#upgrades.admit(response, caller, () => this.mayGoOn(passage));
    if (full) return this.refuse(passage, full);
    if (caller !== undefined && caller.tokenId !== null) this.usage.record(caller.tokenId, passage.clientAddress);
    if (caller !== undefined) passage.observed?.admit(caller.tokenId);

    const headers =
      route && caller ? headersForRoute(passage, caller) : headersForTokenService(passage, this.#forwardedBy);
    const body = client.hasBody
      ? new RequestBody(request, response, client.expectsContinue, this.#limits.requestBodyTimeoutMs)
      : undefined;
    const upgrade = upgrading ? { upgrade: response.protocol } : {};
    const outgoing = { method: request.method as string, target, headers, body, ...upgrade };
    const rules = { added: passage.added, replacesCors: route?.cors !== undefined, fromTokenService: !route };
    const closing = upgrading ? always : this.#isDraining;
    new Exchange(request, response, outgoing, group, rules, closing, passage.observed).start();
  }

  private countRefused(response: ServerResponse): void {
    this.traffic.refused += 1;
    this.routeTraffic.refused(response);
  }

  private refuse({ request, response, added, observed }: Passage, problem: Problem): void {
    observed?.refuse(problem.code);
    this.countRefused(response);
    answerProblem(request, response, problem, added, this.#draining || response instanceof UpgradeResponse);
  }

  private destinations(routes: readonly Route[]): Destinations {
    const lists = [this.options.tokenServiceUrls, ...routes.map((route) => route.upstreams)];
    const [tokenService, ...groups] = this.#upstreams.groups(lists);
    const groupOf = new Map(routes.map((route, i) => [route, groups[i]]));
    const quotas = this.#quotas.of(routes);
    return new Destinations(routes, (route) => groupOf.get(route) as never, quotas, tokenService as never);
  }

  readonly #isDraining = (): boolean => this.#draining;
}
