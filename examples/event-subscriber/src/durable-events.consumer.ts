import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import {
  AckPolicy,
  type Consumer,
  type ConsumerMessages,
  DeliverPolicy,
  jetstream,
  jetstreamManager,
  type JsMsg,
} from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { connection } from './nats-servers.js';
import { describe, type PortcullisEvent } from './portcullis-event.js';

const STREAM = 'PORTCULLIS_EVENTS';
const RETRY_MS = 1_000;
const ACK_WAIT_NANOS = 30_000_000_000;

/**
 * Reads every event from the stream, those too that happened while it was away, in order. The server remembers under
 * the durable name how far it has come.
 */
@Injectable()
export class DurableEventsConsumer implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger('DurableEvents');
  readonly #durable = process.env['DURABLE'] ?? 'example-subscriber';
  #connection: NatsConnection | undefined;
  #messages: ConsumerMessages | undefined;
  #running: Promise<void> | undefined;
  #stopping = false;

  onApplicationBootstrap(): void {
    this.#running = this.#run();
  }

  async onApplicationShutdown(): Promise<void> {
    this.#stopping = true;
    await this.#messages?.close();
    await this.#connection?.drain();
    await this.#running;
  }

  /** Runs until shutdown; whatever goes wrong, such as a stream that is not there yet, it tries again in a second. */
  async #run(): Promise<void> {
    let said = '';
    while (!this.#stopping) {
      try {
        await this.#consume();
        said = '';
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        if (!this.#stopping && message !== said) this.#logger.warn(`waiting for ${STREAM}: ${message}`);
        said = message;
      }
      if (!this.#stopping) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  async #consume(): Promise<void> {
    const consumer = await this.#consumer();
    this.#messages = await consumer.consume({ max_messages: 100 });
    this.#logger.log(`reading ${STREAM} as "${this.#durable}"`);
    for await (const message of this.#messages) this.#handle(message);
  }

  async #consumer(): Promise<Consumer> {
    this.#connection ??= await connect({ ...connection, name: this.#durable, maxReconnectAttempts: -1 });
    const consumers = jetstream(this.#connection).consumers;
    // Once it is there, no permission to make consumers is needed: an operator may have made it.
    const existing = await consumers.get(STREAM, this.#durable).catch(() => undefined);
    if (existing) return existing;
    const manager = await jetstreamManager(this.#connection);
    await manager.consumers.add(STREAM, {
      durable_name: this.#durable,
      filter_subject: 'portcullis.outbox.>',
      ack_policy: AckPolicy.Explicit,
      ack_wait: ACK_WAIT_NANOS,
      deliver_policy: DeliverPolicy.All,
    });
    return consumers.get(STREAM, this.#durable);
  }

  /** Acknowledges only what has been handled: anything else comes again. */
  #handle(message: JsMsg): void {
    try {
      const event = message.json<PortcullisEvent>();
      console.log(`durable ${describe(event.data)} #${message.seq}`);
      message.ack();
    } catch (error) {
      // It can't be read now, nor the next time: leave it out instead of blocking all that follow.
      this.#logger.error(`message ${message.seq} is no event: ${String(error)}`);
      message.term();
    }
  }
}
