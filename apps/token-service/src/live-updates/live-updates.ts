import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Msg, Subscription } from '@nats-io/transport-node';
import { EVENTS_PREFIX, type LiveUpdateDto, Problem } from '@portcullis/contracts';
import { NatsClient } from '@portcullis/messaging';
import type { EventStreamConnection } from './event-stream-connection.js';
import { LiveCredentials } from './live-credentials.js';
import { liveUpdateOf } from './live-update.js';

const PER_USER_MAX = 10;
/** Far below what a gateway has open to one token-service at once, so that streams leave room for everything else. */
const STREAMS_MAX = 500;
const CHECK_MS = 5_000;
const CHECKS_PER_BEAT = 3;
/** Without an answer of Postgres for so long, nobody knows any more whether a stream may go on. */
const UNCHECKED_MAX_MS = 30_000;
const REDIAL_MS = 250;

const TOO_MANY = new Problem(429, 'too_many_streams', `No more than ${PER_USER_MAX} event streams at once`, {
  headers: { 'Retry-After': '10' },
});
const FULL = new Problem(503, 'unavailable', 'Too many event streams are open', { headers: { 'Retry-After': '10' } });

/**
 * Tells open pages which rows have changed, as the events on NATS say. A stream lasts as long as the session or token that it was
 * opened with: that is looked up every five seconds for all of them at once, and right away when an event is about its owner.
 */
@Injectable()
export class LiveUpdates implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #logger = new Logger(LiveUpdates.name);
  readonly #streams = new Set<EventStreamConnection>();
  #subscription: Subscription | undefined;
  #timer: NodeJS.Timeout | undefined;
  #checking: Promise<void> | undefined;
  #checkAgain = false;
  #checkedAtMs = 0;
  #ticks = 0;
  #wasConnected = true;
  #stopped = false;

  constructor(
    private readonly nats: NatsClient,
    private readonly credentials: LiveCredentials,
  ) {}

  onApplicationBootstrap(): void {
    void this.#listen();
    this.#timer = setInterval(() => this.#tick(), CHECK_MS);
  }

  /** Before the server stops listening: an open stream would keep it from ending. */
  onModuleDestroy(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#subscription?.unsubscribe();
    for (const stream of this.#streams) stream.end();
  }

  /** @throws Problem 429 `too_many_streams`, 503 */
  assertRoomFor(userId: number): void {
    if (this.#stopped || this.#streams.size >= STREAMS_MAX) throw FULL;
    let own = 0;
    for (const stream of this.#streams) if (stream.userId === userId) own += 1;
    if (own >= PER_USER_MAX) throw TOO_MANY;
  }

  add(stream: EventStreamConnection): void {
    if (this.#streams.size === 0) this.#checkedAtMs = performance.now();
    this.#streams.add(stream);
    stream.send('ready', {});
  }

  remove(stream: EventStreamConnection): void {
    this.#streams.delete(stream);
  }

  /** Looks now which streams may go on. */
  recheck(): void {
    if (this.#streams.size === 0) return;
    this.#checkAgain = this.#checking !== undefined;
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined;
      if (this.#checkAgain) this.recheck();
    });
  }

  /** A connection reconnects by itself and keeps its subscriptions; one that is closed for good is followed by another. */
  async #listen(): Promise<void> {
    while (!this.#stopped) {
      const connection = await this.nats.connection().catch(() => undefined);
      if (!connection) return; // the client was closed
      this.#subscription = connection.subscribe(`${EVENTS_PREFIX}.>`, {
        callback: (error, message) => {
          if (!error) this.#hear(message);
        },
      });
      await connection.closed();
      await sleep(REDIAL_MS, undefined, { ref: false });
    }
  }

  #hear(message: Msg): void {
    const update = this.#streams.size > 0 ? liveUpdateOf(message.data) : undefined;
    if (!update) return;
    if (mayEndStreams(update) && this.#concernsOwner(update)) this.recheck();
    for (const stream of this.#streams) if (stream.wants(update)) stream.send('change', update);
  }

  #concernsOwner({ user_id }: LiveUpdateDto): boolean {
    for (const stream of this.#streams) if (stream.userId === user_id) return true;
    return false;
  }

  #tick(): void {
    this.#ticks += 1;
    if (this.#ticks % CHECKS_PER_BEAT === 0) for (const stream of this.#streams) stream.beat();
    this.#noteReconnection();
    this.recheck();
  }

  /** What happened while NATS was away was missed: pages read everything again. */
  #noteReconnection(): void {
    const { isConnected } = this.nats;
    if (isConnected && !this.#wasConnected) for (const stream of this.#streams) stream.send('ready', {});
    this.#wasConnected = isConnected;
  }

  async #check(): Promise<void> {
    const streams = [...this.#streams];
    try {
      const roleOf = await this.credentials.roles(streams.map(({ credential }) => credential));
      this.#checkedAtMs = performance.now();
      for (const stream of streams) {
        const role = roleOf(stream.credential);
        if (role === undefined) this.#end(stream);
        else stream.role = role;
      }
    } catch (error) {
      this.#logger.debug(`Event streams can't be checked: ${(error as Error).message}`);
      if (performance.now() - this.#checkedAtMs > UNCHECKED_MAX_MS) for (const stream of streams) stream.end();
    }
  }

  #end(stream: EventStreamConnection): void {
    stream.send('end', { code: 'sessionId' in stream.credential ? 'session_ended' : 'invalid_token' });
    stream.end();
  }
}

function mayEndStreams({ type }: LiveUpdateDto): boolean {
  return type.startsWith('User') || type === 'TokenRevoked' || type === 'TokenDeleted' || type === 'TokenExpired';
}
