import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { type NatsFiles, natsServerOptions } from './nats-servers.js';

export interface NatsClientOptions {
  /** `nats://user:password@host:port` or `tls://…`, several as a list or separated by commas. */
  servers: string[] | string;
  files?: NatsFiles;
  /** Shown in the server's list of connections. */
  name: string;
}

const CONNECT_TIMEOUT_MS = 3_000;
const RECONNECT_WAIT_MS = 250;
const RECONNECT_JITTER_MS = 100;
const PING_INTERVAL_MS = 5_000;
const CLOSE_TIMEOUT_MS = 5_000;

/**
 * One connection to NATS that is kept up for as long as the app runs. It dials in the background from the start, so a
 * NATS that is away neither fails nor holds up the app's start, and it reconnects for ever.
 */
export class NatsClient {
  private readonly logger = new Logger(NatsClient.name);
  private readonly closing = new AbortController();
  private readonly options: ReturnType<typeof natsServerOptions>;
  private current: NatsConnection | undefined;
  private connected = false;
  private closed: Promise<void> | undefined;
  private next = unheardPromise();
  private readonly supervisor: Promise<void>;

  /** @throws TypeError when `servers` holds something that is no NATS URL. */
  constructor({ servers, files, name }: NatsClientOptions) {
    this.options = { ...natsServerOptions(servers, files), ...CONNECTION_OPTIONS, name };
    this.supervisor = this.supervise();
  }

  /** Resolves at the first connect, however long that takes, and at once after it; rejects once the client is closed. */
  connection(): Promise<NatsConnection> {
    return this.next.promise;
  }

  /** Whether the connection is up right now. What is published while it isn't is lost. */
  get isConnected(): boolean {
    return this.connected;
  }

  /** Lets pending messages go out and handlers finish, five seconds at most, then closes. Calling it again waits for the same. */
  close(): Promise<void> {
    this.closed ??= this.drainAndClose();
    return this.closed;
  }

  private async drainAndClose(): Promise<void> {
    this.closing.abort();
    const nc = this.current;
    if (nc && this.connected) {
      const drained = nc.drain().catch(() => undefined);
      await Promise.race([drained, sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
    }
    if (nc && !nc.isClosed()) await nc.close().catch(() => undefined);
    await this.supervisor;
  }

  /** The library gives up for good in rare cases (a server that refuses in a way it takes for final): then dial anew. */
  private async supervise(): Promise<void> {
    while (!this.closing.signal.aborted) {
      const nc = await this.dial();
      if (!nc) break;
      this.current = nc;
      this.next.resolve(nc);
      this.report(true, nc.getServer());
      await this.follow(nc);
      this.report(false);
      this.next = unheardPromise();
    }
    this.next.reject(new Error('The NATS client is closed'));
  }

  private async dial(): Promise<NatsConnection | undefined> {
    const { signal } = this.closing;
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      try {
        const nc = await connect(this.options);
        if (!signal.aborted) return nc;
        await nc.close();
      } catch (error) {
        if (attempt === 1) this.logger.warn(`NATS can't be reached, trying on: ${messageOf(error)}`);
        await sleep(RECONNECT_WAIT_MS, undefined, { signal }).catch(() => undefined);
      }
    }
    return undefined;
  }

  /** Ends when the connection is closed for good. */
  private async follow(nc: NatsConnection): Promise<void> {
    const watch = (async () => {
      for await (const status of nc.status()) {
        if (status.type === 'disconnect') this.report(false);
        else if (status.type === 'reconnect') this.report(true, status.server);
        else if (status.type === 'error') this.logger.warn(`NATS: ${status.error.message}`);
      }
    })();
    if (this.closing.signal.aborted) await nc.close();
    const error = await nc.closed();
    await watch.catch(() => undefined);
    if (error && !this.closing.signal.aborted) this.logger.error(`The NATS connection was closed: ${error.message}`);
  }

  private report(connected: boolean, server?: string): void {
    if (connected === this.connected) return;
    this.connected = connected;
    if (connected) this.logger.log(`Connected to NATS at ${server}`);
    else if (!this.closing.signal.aborted) this.logger.warn('The connection to NATS was lost, reconnecting');
  }
}

const CONNECTION_OPTIONS = {
  reconnect: true,
  maxReconnectAttempts: -1,
  reconnectTimeWait: RECONNECT_WAIT_MS,
  reconnectJitter: RECONNECT_JITTER_MS,
  reconnectJitterTLS: RECONNECT_JITTER_MS,
  // A password that is being rotated fails twice in a row, and that must not be the end.
  ignoreAuthErrorAbort: true,
  timeout: CONNECT_TIMEOUT_MS,
  pingInterval: PING_INTERVAL_MS,
  maxPingOut: 2,
  noAsyncTraces: true,
};

/** Whoever awaits it sees a rejection; nobody awaiting it is no fault. */
function unheardPromise(): PromiseWithResolvers<NatsConnection> {
  const unheard = Promise.withResolvers<NatsConnection>();
  unheard.promise.catch(() => undefined);
  return unheard;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
