import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { type Consumer, type ConsumerMessages, type JsMsg, jetstream } from '@nats-io/jetstream';
import { USAGE_STREAM } from '@portcullis/contracts';
import { ensureUsageStream, NatsClient, USAGE_CONSUMER } from '@portcullis/messaging';
import { isDatabaseUnavailable } from '../database/database-errors.js';
import { WakeablePause } from '../events/wakeable-pause.js';
import { WrongMasterKeyError } from '../keys/master-keys.js';
import { UsageLedger } from './usage-ledger.js';
import { readUsageMessage, type UsageRejection } from './usage-message.js';
import { LeaseKeys, USAGE_OPTIONS, type UsageOptions } from './usage-options.js';

const FETCH_MESSAGES_MAX = 16;
const FETCH_EXPIRES_MS = 5_000;
/** After this the library's own end of a fetch is no longer waited for. */
const FETCH_TIMEOUT_MS = 10_000;
const JETSTREAM_TIMEOUT_MS = 2_000;
const RETRY_MS = 1_000;
const DELIVERIES_MAX = 10;

/** Reads gateways' usage reports from the work queue, which all replicas share, and acknowledges what is in Postgres. */
@Injectable()
export class UsageConsumer implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger(UsageConsumer.name);
  readonly #rejections = new Map<UsageRejection, number>();
  readonly #pause = new WakeablePause();
  #messages: ConsumerMessages | undefined;
  #running: Promise<void> | undefined;
  #stopping = false;
  #trouble: string | undefined;

  constructor(
    @Inject(USAGE_OPTIONS) private readonly options: UsageOptions,
    private readonly nats: NatsClient,
    private readonly ledger: UsageLedger,
    private readonly leaseKeys: LeaseKeys,
  ) {}

  /** Begins in the background; neither Postgres nor NATS has to be there. */
  onApplicationBootstrap(): void {
    this.#running ??= this.#run();
  }

  /** Ends after the report under way. */
  async onApplicationShutdown(): Promise<void> {
    this.#stopping = true;
    this.#pause.wake();
    this.#messages?.stop();
    await this.#running;
  }

  /** How many reports were thrown away since the start, by reason. */
  get rejections(): ReadonlyMap<UsageRejection, number> {
    return this.#rejections;
  }

  async #run(): Promise<void> {
    let consumer: Consumer | undefined;
    while (!this.#stopping) {
      try {
        consumer ??= await this.#consumer();
        await this.#fetch(consumer);
        this.#trouble = undefined;
      } catch (error) {
        consumer = undefined;
        this.#report(error as Error);
        await this.#pause.wait(RETRY_MS);
      }
    }
  }

  async #consumer(): Promise<Consumer> {
    if (!this.nats.isConnected) throw new Error('NATS is not connected');
    const nc = await this.nats.connection();
    await ensureUsageStream(nc, this.options);
    return jetstream(nc, { timeout: JETSTREAM_TIMEOUT_MS }).consumers.get(USAGE_STREAM, USAGE_CONSUMER);
  }

  async #fetch(consumer: Consumer): Promise<void> {
    const messages = await consumer.fetch({ max_messages: FETCH_MESSAGES_MAX, expires: FETCH_EXPIRES_MS });
    this.#messages = messages;
    const timeout = setTimeout(() => messages.stop(), FETCH_TIMEOUT_MS);
    try {
      for await (const message of messages) {
        if (this.#stopping) break;
        await this.#handle(message);
      }
    } finally {
      clearTimeout(timeout);
      this.#messages = undefined;
    }
  }

  /** A report that can't be counted now is delivered again, one that never can be is thrown away. */
  async #handle(message: JsMsg): Promise<void> {
    try {
      const read = await readUsageMessage(message, this.leaseKeys);
      if ('rejection' in read) return this.#reject(message, read.rejection);
      await this.ledger.applyBatch(read);
      message.ack();
    } catch (error) {
      const mayWorkLater = isDatabaseUnavailable(error) || error instanceof WrongMasterKeyError;
      const isHopeless = !mayWorkLater && message.info.deliveryCount >= DELIVERIES_MAX;
      this.#report(error as Error);
      if (isHopeless) return this.#reject(message, 'not_applicable');
      message.nak(RETRY_MS);
    }
  }

  #reject(message: JsMsg, reason: UsageRejection): void {
    this.#rejections.set(reason, (this.#rejections.get(reason) ?? 0) + 1);
    this.#logger.warn(`Usage report ${message.seq} of ${message.data.length} bytes was thrown away: ${reason}`);
    message.term();
  }

  #report({ message }: Error): void {
    if (this.#trouble !== message) this.#logger.warn(`Usage reports wait: ${message}`);
    this.#trouble = message;
  }
}
