import type { Dispatcher } from 'undici';
import { Flight } from './flight.js';
import { requestHead } from './request-head.js';
import { hasResponseParser } from './response-parser.js';
import { type ConnectionOwner, UpstreamConnection } from './upstream-connection.js';

export interface ConnectionLimits {
  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly bodyTimeoutMs: number;
}

/** For an upstream that says nothing of how long it keeps one. */
const IDLE_MS = 4_000;
const IDLE_MS_MAX = 600_000;
/** An upstream closes it by its own clock while a request is on its way: so much earlier it isn't used any more. */
const IDLE_MARGIN_MS = 1_000;
const [TICK_MS_MIN, TICK_MS_MAX] = [10, 1_000];
const WITHOUT_BODY = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS']);

/**
 * The connections to one upstream address over plain HTTP/1.1, for requests without a body: most of what APIs are asked. It does
 * what undici's pool does for them at two thirds of the price, and speaks to the same handlers. Whatever it doesn't
 * {@link UpstreamConnections.takes take} is undici's.
 */
export class UpstreamConnections implements ConnectionOwner {
  readonly host: string;
  readonly port: number;
  readonly #authority: string;
  readonly #all = new Set<UpstreamConnection>();
  /** The one that was used last comes first, so that the others may time out. */
  readonly #idle: UpstreamConnection[] = [];
  readonly #tickMs: number;
  readonly #ticksFor: Readonly<Record<'connect' | 'headers' | 'body', number>>;
  #tick = 0;
  #timer: NodeJS.Timeout | undefined;
  #closing = false;
  #whenClosed: (() => void) | undefined;

  /** @returns undefined where undici has to do all of it */
  static for(origin: string, limits: ConnectionLimits): UpstreamConnections | undefined {
    return hasResponseParser && origin.startsWith('http:') ? new UpstreamConnections(origin, limits) : undefined;
  }

  private constructor(origin: string, limits: ConnectionLimits) {
    const { hostname, port, host } = new URL(origin);
    this.host = hostname.replace(/^\[|\]$/g, '');
    this.port = port === '' ? 80 : Number(port);
    this.#authority = host;
    const shortest = Math.min(limits.connectTimeoutMs, limits.headersTimeoutMs, limits.bodyTimeoutMs);
    this.#tickMs = Math.max(TICK_MS_MIN, Math.min(TICK_MS_MAX, Math.floor(shortest / 4)));
    this.#ticksFor = {
      connect: this.#ticks(limits.connectTimeoutMs),
      headers: this.#ticks(limits.headersTimeoutMs),
      body: this.#ticks(limits.bodyTimeoutMs),
    };
  }

  /** Whether this is a request that can be sent here. */
  takes({ method, body, upgrade }: Dispatcher.DispatchOptions): boolean {
    return !body && !upgrade && WITHOUT_BODY.has(method);
  }

  /** @see Dispatcher.dispatch */
  dispatch({ method, path, headers }: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    const head = requestHead(method, path, this.#authority, headers as string[]);
    const flight = new Flight(head, method === 'HEAD', handler);
    (this.#takeIdle() ?? this.#open()).send(flight);
  }

  deadline(wait: 'connect' | 'headers' | 'body'): number {
    return this.#tick + this.#ticksFor[wait];
  }

  idle(connection: UpstreamConnection): void {
    if (this.#closing) return connection.destroy();
    const { idleMs } = connection;
    const keptMs = idleMs === undefined ? IDLE_MS : Math.min(idleMs, IDLE_MS_MAX) - IDLE_MARGIN_MS;
    connection.deadline = this.#tick + Math.floor(keptMs / this.#tickMs);
    if (keptMs < this.#tickMs) connection.destroy();
    else this.#idle.push(connection);
  }

  closed(connection: UpstreamConnection): void {
    this.#all.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at !== -1) this.#idle.splice(at, 1);
    if (this.#all.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#tellClosed();
  }

  /**
   * Closes what is idle now, and the rest when it has been answered. What is asked for after that is still answered.
   *
   * @param closed called once; never when all is cut meanwhile
   */
  close(closed: () => void): void {
    this.#closing = true;
    this.#whenClosed = closed;
    for (const connection of this.#idle.splice(0)) connection.destroy();
    if (this.#all.size === 0) this.#tellClosed();
  }

  /** Cuts everything. */
  destroy(): void {
    this.#whenClosed = undefined;
    for (const connection of this.#all) connection.destroy();
  }

  #tellClosed(): void {
    const closed = this.#whenClosed;
    this.#whenClosed = undefined;
    closed?.();
  }

  #takeIdle(): UpstreamConnection | undefined {
    let connection = this.#idle.pop();
    while (connection && !connection.isOpen) connection = this.#idle.pop();
    return connection;
  }

  #open(): UpstreamConnection {
    const connection = new UpstreamConnection(this);
    this.#all.add(connection);
    this.#timer ??= setInterval(() => this.#onTick(), this.#tickMs).unref();
    return connection;
  }

  #onTick(): void {
    this.#tick += 1;
    for (const connection of this.#all) if (this.#tick >= connection.deadline) connection.expire();
  }

  /** Never too few: the first of them may end at once. */
  #ticks(milliseconds: number): number {
    return Math.ceil(milliseconds / this.#tickMs) + 1;
  }
}
