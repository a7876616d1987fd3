import { sign } from 'node:crypto';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { headers } from '@nats-io/transport-node';
import { NatsClient } from '@portcullis/messaging';
import {
  ACCESS_SUBJECT,
  type AccessEntry,
  type AccessFeedMessage,
  CHANGE_ENTRIES_MAX,
  SIGNATURE_HEADER,
} from '@portcullis/contracts';
import { DataSource } from 'typeorm';
import { prepared } from '../database/prepared.js';
import { Secrets } from '../keys/secrets.js';
import { LEDGER_POSITION_SQL, type LedgerPosition } from './ledger-position.js';

const HEARTBEAT_MS = 500;
/** A quarter of what NATS takes by default. */
const MESSAGE_BYTES_MAX = 256 * 1024;

/**
 * Tells the gateways of access changes on core NATS, right after the commit. It makes them fast and nothing more: a change that
 * is lost here reaches a gateway with its next renewal.
 */
@Injectable()
export class AccessFeed implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger(AccessFeed.name);
  #timer: NodeJS.Timeout | undefined;
  #beating = false;

  constructor(
    private readonly dataSource: DataSource,
    private readonly secrets: Secrets,
    private readonly nats: NatsClient,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => void this.beat(), HEARTBEAT_MS);
  }

  onApplicationShutdown(): void {
    clearInterval(this.#timer);
  }

  /** Publishes what one transaction changed; a range too big to send is announced without its entries. */
  publishChange(epoch: string, entries: readonly AccessEntry[]): void {
    if (entries.length === 0) return;
    const range = { type: 'change', epoch, from: entries[0]!.seq, to: entries.at(-1)!.seq } as const;
    const whole = entries.length <= CHANGE_ENTRIES_MAX ? bytesOf({ ...range, entries: [...entries] }) : undefined;
    this.publish(whole && whole.length <= MESSAGE_BYTES_MAX ? whole : bytesOf(range));
  }

  private publish(payload: Buffer): void {
    // Without a connection the client would keep it and send it later: old news that nobody needs.
    if (!this.nats.isConnected) return;
    const signature = headers();
    signature.set(SIGNATURE_HEADER, sign(null, payload, this.secrets.feedKey).toString('base64url'));
    void this.nats
      .connection()
      .then((connection) => connection.publish(ACCESS_SUBJECT, payload, { headers: signature }))
      .catch((error: Error) => this.#logger.debug(`An access change was not published: ${error.message}`));
  }

  private async beat(): Promise<void> {
    if (this.#beating || !this.nats.isConnected) return;
    this.#beating = true;
    try {
      const rows = await prepared<LedgerPosition>(this.dataSource, LEDGER_POSITION_SQL, []);
      this.publish(bytesOf({ type: 'heartbeat', ...rows[0]!, at: Date.now() }));
    } catch (error) {
      // Gateways notice the silence and ask for themselves.
      this.#logger.debug(`No heartbeat: ${(error as Error).message}`);
    } finally {
      this.#beating = false;
    }
  }
}

function bytesOf(message: AccessFeedMessage): Buffer {
  return Buffer.from(JSON.stringify(message));
}
