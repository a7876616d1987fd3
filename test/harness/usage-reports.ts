import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { Stack } from './stack.ts';
import { waitUntil } from './wait-until.ts';

const STREAM = 'PORTCULLIS_USAGE';
const CONSUMER = 'token-service';
const SETTLE_TIMEOUT_MS = 25_000;
const SOON_NANOS = 1_000_000_000;

/** The work queue of usage reports, on its way from the gateways to the token-services. */
export class UsageReports {
  private constructor(
    private readonly connection: NatsConnection,
    private readonly manager: JetStreamManager,
  ) {}

  static async open(stack: Stack): Promise<UsageReports> {
    const connection = await connect({ servers: stack.nats.url, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
    return new UsageReports(connection, await jetstreamManager(connection, { checkAPI: false, timeout: 2_000 }));
  }

  close(): Promise<void> {
    return this.connection.close();
  }

  /** Waits until all are acknowledged. NATS may have come back only just now, and may not answer yet. */
  async settled(): Promise<void> {
    const isEmpty = async (): Promise<boolean> => (await this.waiting()) === 0;
    await waitUntil('every report is acknowledged', () => isEmpty().catch(() => false), SETTLE_TIMEOUT_MS);
  }

  /** How many are not acknowledged yet. */
  async waiting(): Promise<number> {
    return (await this.manager.streams.info(STREAM)).state.messages;
  }

  /** A report that a dead token-service held is delivered again after half a minute: this makes it a second. */
  async redeliverSoon(): Promise<void> {
    const isAtWork = async (): Promise<boolean> =>
      (await this.manager.consumers.info(STREAM, CONSUMER)).num_waiting > 0;
    await waitUntil('a token-service asks for reports', () => isAtWork().catch(() => false), SETTLE_TIMEOUT_MS);
    await this.manager.consumers.update(STREAM, CONSUMER, { ack_wait: SOON_NANOS });
  }
}
