import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Caller } from '@portcullis/access-control';
import { API_BODY_BYTES_MAX, Problem } from '@portcullis/contracts';
import type { StandingAccess } from '../access-view/standing-access.js';
import type { TrafficMeter } from '../access-view/traffic-meter.js';
import type { Gate } from '../authentication/gate.js';
import { parseRequestTarget, type RequestTarget } from '../authorization/request-target.js';
import { FailedAuthentications } from '../limits/failed-authentications.js';
import { LimitTally } from '../limits/limit-tally.js';
import { Quotas } from '../limits/quotas.js';
import type { Rate } from '../limits/rate.js';
import type { RequestObserver } from '../observation/request-observer.js';
import type { TokenServiceTls } from '../tls/token-service-tls.js';
import type { UsageRecorder } from '../usage/usage-recorder.js';
import { malformedHeaders } from './client-headers.js';
import { CurrentDestinations, type RouteSource } from './current-destinations.js';
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
import { FAILED, type RefusalLog, Refusals } from './refusals.js';
import { RequestBody } from './request-body.js';
import { RouteTraffic } from './route-traffic.js';
import { TrustedProxies } from './trusted-proxies.js';
import { requestedProtocol, UpgradeResponse } from './upgrade-response.js';
import { Upgrades } from './upgrades.js';
import { headersForRoute, headersForTokenService } from './upstream-headers.js';
import {
  DEFAULT_UPSTREAM_LIMITS,
  type UpstreamClient,
  type UpstreamLimits,
  type UpstreamLog,
  Upstreams,
} from './upstream.js';

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
export type DataPathLog = RefusalLog & UpstreamLog;

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';
const DRAINING = new Problem(503, 'shutting_down', 'This gateway is shutting down', {
  headers: { 'Retry-After': '1' },
});
const NO_TRACE = new Problem(405, 'method_not_allowed', 'TRACE is not supported', { headers: { Allow: METHODS } });
const BODY_TOO_LARGE = new Problem(413, 'body_too_large', 'The request body is too large');
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
  #draining = false;
  readonly #inFlight = new InFlight();
  readonly #streams = new OpenStreams();
  readonly #upgrades: Upgrades;
  readonly #forwardAuth: ForwardAuth | undefined;
  /** What became of requests, by route. */
  readonly routeTraffic = new RouteTraffic();
  readonly limited = new LimitTally();
  readonly #refusals: Refusals;
  readonly #upstreams: Upstreams;
  readonly #destinations: CurrentDestinations;
  readonly #limits: UpstreamLimits;
  readonly #proxies: TrustedProxies;
  readonly #forwardedBy: ForwardedBy;

  constructor(
    options: DataPathOptions,
    private readonly gate: Gate,
    private readonly usage: UsageRecorder,
    routes: RouteSource,
    log: DataPathLog,
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
    this.#refusals = new Refusals({
      traffic,
      routeTraffic: this.routeTraffic,
      failures: new FailedAuthentications({ rate: options.failedAuthLimit, tally: this.limited, log }),
      usage,
      log,
      isDraining: this.#isDraining,
    });
    const quotas = new Quotas(this.limited);
    this.#destinations = new CurrentDestinations(routes, this.#upstreams, quotas, options.tokenServiceUrls);
    if (options.forwardAuth) this.#forwardAuth = this.forwardAuthFor(options.forwardAuth);
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
      this.#refusals.fail(request, response, error);
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

  private take(request: IncomingMessage, response: ServerResponse): boolean {
    if (this.#forwardAuth?.takes(request.url ?? '')) {
      this.#forwardAuth.answer(request, response, this.observer?.begin(request, response, VERIFY_PATH, VERIFY_PATH));
      return true;
    }
    const target = parseRequestTarget(request.url ?? '');
    const destination = target instanceof Problem ? target : this.#destinations.find(target);
    if (target instanceof Problem || destination instanceof Problem) {
      this.refuseTarget(request, response, destination as Problem, target instanceof Problem ? undefined : target.path);
      return true;
    }
    if (destination.own?.servedBy === 'gateway') return this.leave(request, response, target);
    this.traffic.requests += 1;
    const observed = this.observer?.begin(request, response, destination.prefix, target.path);
    const passage = readPassage(request, response, destination, target, this.#proxies, observed);
    if (!(passage instanceof Problem)) this.admit(passage);
    else this.#refusals.refuseUnread(request, response, passage, observed, true);
    return true;
  }

  /** A request that goes nowhere. What is wrong with its framing comes first: nobody knows where it ends then. */
  private refuseTarget(request: IncomingMessage, response: ServerResponse, problem: Problem, path?: string): void {
    this.traffic.requests += 1;
    const observed = this.observer?.begin(request, response, '', path);
    const malformed = malformedHeaders(request);
    this.#refusals.refuseUnread(request, response, malformed ?? problem, observed, malformed !== undefined);
  }

  /** @returns false: it is the gateway's own app's, unless a server in front could take it for another one, or for two */
  private leave(request: IncomingMessage, response: ServerResponse, { path, target }: RequestTarget): boolean {
    const malformed = malformedHeaders(request);
    if (malformed) this.refuseTarget(request, response, malformed, path);
    else request.url = target;
    return malformed !== undefined;
  }

  private admit(passage: Passage): void {
    const { request, response, destination } = passage;
    this.routeTraffic.add(response, destination.prefix);
    if (request.method === 'TRACE') return this.#refusals.refuse(passage, NO_TRACE);
    if (answerPreflight(passage)) return;
    // The token-service would say so too, but it would close the connection while the body is still on its way.
    if (destination.own && Number(request.headers['content-length']) > API_BODY_BYTES_MAX) {
      return this.#refusals.refuse(passage, BODY_TOO_LARGE);
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
      if (result instanceof Problem) {
        return this.#refusals.refuse(passage, this.#refusals.unauthenticated(passage, result));
      }
      const problem = this.refusal(passage, result) ?? passage.destination.quotas?.take(result, passage.added);
      if (problem) this.#refusals.refuse(passage, problem);
      else this.forward(passage, result);
    } catch (error) {
      // Here and not in `handle` alone: the gate may have had to ask first.
      this.#refusals.fail(passage.request, passage.response, error, passage);
    }
  }

  /** What speaks against a caller who is authenticated. */
  private refusal({ destination, path, request, response }: Passage, caller: Caller): Problem | undefined {
    const upgrades = response instanceof UpgradeResponse; // any other offer of another protocol goes no further
    return policyRefusal({ destination, path, method: request.method as string, upgrades }, caller);
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
    if (group === undefined) return this.#refusals.refuse(passage, FAILED);
    const upgrading = response instanceof UpgradeResponse && caller !== undefined;
    const full = upgrading && this.#upgrades.admit(response, caller, () => this.mayGoOn(passage));
    if (full) return this.#refusals.refuse(passage, full);
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

  private forwardAuthFor(proxy: ForwardAuthProxy): ForwardAuth {
    return new ForwardAuth({
      proxy,
      gate: this.gate,
      usage: this.usage,
      traffic: this.traffic,
      proxies: this.#proxies,
      destinations: this.#destinations,
      refusals: this.#refusals,
    });
  }

  readonly #isDraining = (): boolean => this.#draining;
}
