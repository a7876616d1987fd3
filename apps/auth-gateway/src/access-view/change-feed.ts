import { headers, type Msg, type NatsConnection } from '@nats-io/transport-node';
import {
  type AccessFeedMessage,
  ACCESS_SUBJECT,
  ACK_SUBJECT,
  LEASE_MAC_HEADER,
  SIGNATURE_HEADER,
} from '@portcullis/contracts';
import type { NatsClient } from '@portcullis/messaging';
import type { Clock } from './clock.js';
import type { FeedVerifier } from './feed-verifier.js';

const REDIAL_MS = 250;

export interface FeedCounts {
  received: number;
  forged: number;
  malformed: number;
}

/**
 * The fast way between token-services and this gateway, over core NATS. It may be slow, deaf or lying: what it says is taken
 * only with a good signature, and what it doesn't say a renewal brings.
 */
export class ChangeFeed {
  readonly counts: FeedCounts = { received: 0, forged: 0, malformed: 0 };
  #connection: NatsConnection | undefined;

  constructor(
    private readonly client: Pick<NatsClient, 'connection' | 'isConnected'>,
    private readonly verifier: FeedVerifier,
    private readonly clock: Clock,
    private readonly onMessage: (message: AccessFeedMessage) => void,
  ) {}

  /** Listens for as long as the client lives, from its first connect on. Never rejects. */
  async listen(): Promise<void> {
    for (;;) {
      const connection = await this.client.connection().catch(() => undefined);
      if (!connection) return; // the client was closed
      if (connection !== this.#connection) this.#subscribe(connection);
      await connection.closed(); // seldom: a connection reconnects by itself, and keeps its subscriptions
      await new Promise<void>((resolve) => this.clock.after(REDIAL_MS, resolve));
    }
  }

  /** Publishes an ack, unless NATS is away: by the time it is back, a renewal has said the same. */
  publishAck(payload: Uint8Array, macHeader: string): void {
    const connection = this.#connection;
    if (!connection || !this.client.isConnected || connection.isClosed() || connection.isDraining()) return;
    const header = headers();
    header.set(LEASE_MAC_HEADER, macHeader);
    connection.publish(ACK_SUBJECT, payload, { headers: header });
  }

  #subscribe(connection: NatsConnection): void {
    this.#connection = connection;
    connection.subscribe(ACCESS_SUBJECT, {
      callback: (error, message) => {
        if (!error) this.#receive(message);
      },
    });
  }

  #receive(message: Msg): void {
    if (!this.verifier.isReady) return;
    this.counts.received += 1;
    const opened = this.verifier.open(message.data, message.headers?.get(SIGNATURE_HEADER) ?? '');
    if (typeof opened === 'string') this.counts[opened] += 1;
    else this.onMessage(opened);
  }
}
