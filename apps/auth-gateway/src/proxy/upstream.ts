import { type buildConnector, type Dispatcher, Pool } from 'undici';
import type { TokenServiceTls } from '../tls/token-service-tls.js';
import { UpstreamConnections } from '../upstream-client/upstream-connections.js';
import { UpstreamHealth } from './upstream-health.js';

/** Bounds on what an upstream may take. */
export interface UpstreamLimits {
  readonly connectTimeoutMs: number;
  /** Longest wait for the head of the answer, once the request is sent. */
  readonly headersTimeoutMs: number;
  /** Longest silence within the body of an answer. */
  readonly bodyTimeoutMs: number;
  /** Longest silence within the body of a request. */
  readonly requestBodyTimeoutMs: number;
  /** Longest silence on an upgraded connection, over both directions. */
  readonly upgradedIdleTimeoutMs: number;
  /** Requests at once to one upstream address. */
  readonly activeMax: number;
}

export const DEFAULT_UPSTREAM_LIMITS: UpstreamLimits = {
  connectTimeoutMs: 5_000,
  headersTimeoutMs: 60_000,
  bodyTimeoutMs: 300_000,
  requestBodyTimeoutMs: 60_000,
  upgradedIdleTimeoutMs: 300_000,
  activeMax: 1_024,
};

/** Who asks upstreams: connections of our own where they can, or undici always. */
export const UPSTREAM_CLIENTS = ['own', 'undici'] as const;
export type UpstreamClient = (typeof UPSTREAM_CLIENTS)[number];

/** Where failures of upstreams are reported; Nest's Logger will do. */
export interface UpstreamLog {
  warn(message: string): void;
}

const RESPONSE_HEAD_BYTES_MAX = 65_536;
const WARNING_INTERVAL_MS = 10_000;
/** A request that was let in by the old routes may still try this upstream. */
const RETIREMENT_MS = 30_000;

/** One upstream address and its connections. */
export class Upstream {
  active = 0;
  readonly health: UpstreamHealth;
  readonly #connections: UpstreamConnections | undefined;
  /** For what the connections don't take; opens none before. */
  readonly #pool: Pool;
  #warnedAtMs = -WARNING_INTERVAL_MS;
  #retirement: NodeJS.Timeout | undefined;

  constructor(
    readonly origin: string,
    private readonly limits: UpstreamLimits,
    private readonly log: UpstreamLog,
    client: UpstreamClient,
    connect: buildConnector.connector | undefined,
  ) {
    this.health = new UpstreamHealth(limits.connectTimeoutMs);
    this.#connections = client === 'own' ? UpstreamConnections.for(origin, limits) : undefined;
    this.#pool = new Pool(origin, {
      allowH2: false,
      pipelining: 1,
      connect: connect ?? { timeout: limits.connectTimeoutMs },
      headersTimeout: limits.headersTimeoutMs,
      bodyTimeout: limits.bodyTimeoutMs,
      maxHeaderSize: RESPONSE_HEAD_BYTES_MAX,
    });
  }

  get busy(): boolean {
    return this.active >= this.limits.activeMax;
  }

  /** @see Dispatcher.dispatch; whoever calls it counts `active` down when the exchange is over */
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.active += 1;
    this.health.trying();
    if (this.#connections?.takes(options)) this.#connections.dispatch(options, handler);
    else this.#pool.dispatch(options, handler);
  }

  /** Reports a failure, but not every one of a burst. */
  warn(error: Error): void {
    const nowMs = performance.now();
    if (nowMs - this.#warnedAtMs < WARNING_INTERVAL_MS) return;
    this.#warnedAtMs = nowMs;
    this.log.warn(`upstream ${this.origin}: ${error.message}`);
  }

  /**
   * Closes the connections once nothing can want them any more.
   *
   * @param closed called when they are closed
   */
  retire(closed: () => void): void {
    this.#retirement = setTimeout(() => this.#close(closed), RETIREMENT_MS).unref();
  }

  async destroy(): Promise<void> {
    clearTimeout(this.#retirement);
    this.#connections?.destroy();
    await this.#pool.destroy();
  }

  #close(closed: () => void): void {
    const pool = (): void => void this.#pool.close().then(closed);
    if (this.#connections) this.#connections.close(pool);
    else pool();
  }
}

/** All upstream addresses, shared by the routes that name them. */
export class Upstreams {
  #byOrigin = new Map<string, Upstream>();
  readonly #retired = new Set<Upstream>();

  constructor(
    private readonly limits: UpstreamLimits,
    private readonly log: UpstreamLog,
    private readonly client: UpstreamClient = 'own',
    private readonly tokenServiceTls?: Pick<TokenServiceTls, 'covers' | 'connector'>,
  ) {}

  /** The groups for these lists of origins, in their order. Upstreams that no list names are retired. */
  groups(lists: readonly (readonly string[])[]): UpstreamGroup[] {
    const next = new Map<string, Upstream>();
    const groups = lists.map((origins) => {
      const members = origins.map((origin) => {
        const upstream = next.get(origin) ?? this.#byOrigin.get(origin) ?? this.#open(origin);
        next.set(origin, upstream);
        return upstream;
      });
      return new UpstreamGroup(members);
    });
    for (const [origin, upstream] of this.#byOrigin) {
      if (next.has(origin)) continue;
      this.#retired.add(upstream);
      upstream.retire(() => this.#retired.delete(upstream));
    }
    this.#byOrigin = next;
    return groups;
  }

  #open(origin: string): Upstream {
    const tls = this.tokenServiceTls?.covers(origin) ? this.tokenServiceTls : undefined;
    const connect = tls?.connector(this.limits.connectTimeoutMs);
    return new Upstream(origin, this.limits, this.log, this.client, connect);
  }

  /** Cuts all connections. */
  async destroy(): Promise<void> {
    await Promise.all([...this.#byOrigin.values(), ...this.#retired].map((upstream) => upstream.destroy()));
  }
}

/** Upstreams that serve the same, taken in turn. */
export class UpstreamGroup {
  #next = 0;
  /** The upstreams, beginning at each of them. */
  readonly #rotations: readonly (readonly Upstream[])[];

  constructor(upstreams: readonly Upstream[]) {
    this.#rotations = upstreams.map((_, i) => [...upstreams.slice(i), ...upstreams.slice(0, i)]);
  }

  /** The order in which a request tries them: each request begins one further, and those that failed lately come last. */
  order(): readonly Upstream[] {
    this.#next = (this.#next + 1) % this.#rotations.length;
    const upstreams = this.#rotations[this.#next] as readonly Upstream[];
    if (upstreams.length === 1 || !upstreams.some(({ health }) => health.isShunned)) return upstreams;
    const shunned = upstreams.filter(({ health }) => health.isShunned);
    return [...upstreams.filter((upstream) => !shunned.includes(upstream)), ...shunned];
  }
}
