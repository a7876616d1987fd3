import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { leaseMacMatches, NatsClient, parseLeaseMac } from '@portcullis/messaging';
import { type AccessAck, ACK_SUBJECT, LEASE_MAC_HEADER } from '@portcullis/contracts';
import type { Msg, Subscription } from '@nats-io/transport-node';
import { LRUCache } from 'lru-cache';
import { DataSource } from 'typeorm';
import { GatewayLeases } from './gateway-leases.js';
import type { LedgerPosition } from './ledger-position.js';

const POLL_MS = 100;
const REDIAL_MS = 250;
const LEASES_MAX = 10_000;
const ACK_BYTES_MAX = 2_048;
/** Keys looked up at once. Anyone on NATS can name leases that don't exist, and renewals wait for the same connections. */
const KEY_LOOKUPS_MAX = 256;

/** How a lease that has not reached a position stands when the wait is over. */
export type Shortfall = 'late' | 'fenced' | 'released';

/** A barrier that waits for leases to reach a position. */
interface Waiter {
  position: LedgerPosition;
  waiting: Set<string>;
  /** Leases that ended while they were waited for. */
  ended: Map<string, Shortfall>;
  done: () => void;
}

/** What a gateway said of itself when it renewed last. */
export interface RenewalRow {
  lease_id: string;
  epoch: string | null;
  applied_seq: number | null;
}

interface ProgressRow extends RenewalRow {
  fenced: boolean;
  released: boolean;
}

/**
 * How far each gateway has come in the ledger: by its acks on NATS, which are fast and carry its lease's MAC, and by what it
 * says when it renews, which is looked up while somebody waits.
 */
@Injectable()
export class GatewayProgress implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger(GatewayProgress.name);
  readonly #latest = new LRUCache<string, LedgerPosition>({ max: LEASES_MAX });
  readonly #waiters = new Set<Waiter>();
  #subscription: Subscription | undefined;
  #poll: NodeJS.Timeout | undefined;
  #polling = false;
  #lookups = 0;

  constructor(
    private readonly dataSource: DataSource,
    private readonly nats: NatsClient,
    private readonly leases: GatewayLeases,
  ) {}

  onApplicationBootstrap(): void {
    void this.listen();
  }

  onApplicationShutdown(): void {
    this.#subscription?.unsubscribe();
    clearTimeout(this.#poll);
  }

  /**
   * Waits until these leases have reached the position, or have been released or fenced, or the time is over.
   * @returns the leases that have not reached it, and why
   */
  async shortfalls(
    position: LedgerPosition,
    leaseIds: Iterable<string>,
    timeoutMs: number,
  ): Promise<Map<string, Shortfall>> {
    const waiting = new Set([...leaseIds].filter((leaseId) => !isAt(this.#latest.get(leaseId), position)));
    const ended = new Map<string, Shortfall>();
    if (waiting.size === 0) return ended;
    const { promise, resolve: done } = Promise.withResolvers<void>();
    const waiter: Waiter = { position, waiting, ended, done };
    const timeout = setTimeout(done, timeoutMs);
    this.#waiters.add(waiter);
    this.#schedulePoll();
    await promise;
    clearTimeout(timeout);
    this.#waiters.delete(waiter);
    for (const leaseId of waiting) ended.set(leaseId, 'late');
    return ended;
  }

  /** A connection reconnects by itself and keeps its subscriptions; one that is closed for good is followed by another. */
  private async listen(): Promise<void> {
    for (;;) {
      const connection = await this.nats.connection().catch(() => undefined);
      if (!connection) return; // the client was closed
      this.#subscription = connection.subscribe(ACK_SUBJECT, {
        callback: (error, message) => {
          if (!error) void this.hear(message);
        },
      });
      await connection.closed();
      await sleep(REDIAL_MS, undefined, { ref: false });
    }
  }

  /** Takes in what gateways said when they renewed last. */
  noteRenewals(rows: readonly RenewalRow[]): void {
    for (const { lease_id, epoch, applied_seq } of rows) {
      if (epoch !== null && applied_seq !== null) this.#note(lease_id, { epoch, seq: applied_seq });
    }
  }

  private async hear(message: Msg): Promise<void> {
    try {
      const ack = await this.authentic(message);
      if (ack) this.#note(ack.lease_id, { epoch: ack.epoch, seq: ack.applied_seq });
    } catch (error) {
      this.#logger.debug(`An ack could not be checked: ${(error as Error).message}`);
    }
  }

  /** The ack, when it carries the MAC of the very lease that it speaks for. */
  private async authentic(message: Msg): Promise<AccessAck | undefined> {
    if (message.data.length > ACK_BYTES_MAX) return undefined;
    const mac = parseLeaseMac(message.headers?.get(LEASE_MAC_HEADER));
    const key = mac && (await this.keyOf(mac.leaseId));
    if (!key || !leaseMacMatches(mac.mac, key, message.data)) return undefined;
    const ack = message.json<AccessAck>();
    return ack.lease_id === mac.leaseId && Number.isSafeInteger(ack.applied_seq) ? ack : undefined;
  }

  /** Nothing, too, while too many are looked up: what an ack says, the next renewal says again. */
  private async keyOf(leaseId: string): Promise<Buffer | undefined> {
    if (this.leases.knowsKeyOf(leaseId)) return this.leases.keyOf(leaseId);
    if (this.#lookups >= KEY_LOOKUPS_MAX) return undefined;
    this.#lookups += 1;
    try {
      return await this.leases.keyOf(leaseId);
    } finally {
      this.#lookups -= 1;
    }
  }

  #note(leaseId: string, progress: LedgerPosition): void {
    const known = this.#latest.get(leaseId);
    if (known?.epoch === progress.epoch && known.seq >= progress.seq) return;
    this.#latest.set(leaseId, progress);
    for (const waiter of this.#waiters) if (isAt(progress, waiter.position)) this.#settle(waiter, leaseId);
  }

  #settle(waiter: Waiter, leaseId: string, ended?: Shortfall): void {
    if (waiter.waiting.delete(leaseId) && ended) waiter.ended.set(leaseId, ended);
    if (waiter.waiting.size === 0) waiter.done();
  }

  /** One look at the table serves all that wait. */
  #schedulePoll(): void {
    if (this.#polling) return;
    this.#polling = true;
    this.#poll = setTimeout(() => void this.poll(), POLL_MS);
  }

  private async poll(): Promise<void> {
    try {
      const leaseIds = [...new Set([...this.#waiters].flatMap((waiter) => [...waiter.waiting]))];
      const rows = await this.dataSource.query<ProgressRow[]>(PROGRESS_SQL, [leaseIds]);
      this.noteRenewals(rows);
      for (const row of rows) this.#noteEnd(row);
    } catch (error) {
      this.#logger.debug(`The progress of gateways can't be read: ${(error as Error).message}`);
    }
    this.#polling = false;
    if (this.#waiters.size > 0) this.#schedulePoll();
  }

  #noteEnd({ lease_id, fenced, released }: ProgressRow): void {
    if (!fenced && !released) return;
    for (const waiter of this.#waiters) this.#settle(waiter, lease_id, fenced ? 'fenced' : 'released');
  }
}

function isAt(progress: LedgerPosition | undefined, { epoch, seq }: LedgerPosition): boolean {
  return progress !== undefined && progress.epoch === epoch && progress.seq >= seq;
}

const PROGRESS_SQL = `
  SELECT lease_id, epoch, applied_seq, fenced_at IS NOT NULL AS fenced, released_at IS NOT NULL AS released
  FROM gateway_leases WHERE lease_id = ANY($1)`;
