import { randomUUID } from 'node:crypto';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { USAGE_BATCH_ENTRIES_MAX, type UsageBatch, type UsageEntry } from '@portcullis/contracts';
import { mergedByHour } from './merged-usage.js';
import { UsageLedger } from './usage-ledger.js';

/** What events and lists say instead of a gateway's name. */
const GATEWAY = 'token-service';

const FLUSH_INTERVAL_MS = 500;
const TOKENS_MAX = 100_000;
const HOUR_MS = 3_600_000;
const SHUTDOWN_FLUSHES_MAX = 20;
const SHUTDOWN_TIMEOUT_MS = 5_000;

/** Counts the requests that reach the token-service directly, not through a gateway. Kept in memory for half a second. */
@Injectable()
export class UsageIntake implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger(UsageIntake.name);
  #pending = new Map<string, UsageEntry>();
  /** Being written, or written with an outcome that isn't known: only the same id can be tried again without counting twice. */
  #batch: UsageBatch | undefined;
  #flushing: Promise<boolean> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failing = false;

  constructor(private readonly ledger: UsageLedger) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => void this.flush(), FLUSH_INTERVAL_MS);
  }

  /** Writes what is left, for five seconds at most. */
  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    const deadlineMs = performance.now() + SHUTDOWN_TIMEOUT_MS;
    for (let flush = 0; flush < SHUTDOWN_FLUSHES_MAX && performance.now() < deadlineMs; flush += 1) {
      if (!this.#batch && this.#pending.size === 0) return;
      await this.flush();
    }
    if (this.#pending.size > 0) this.#logger.warn(`The use of ${this.#pending.size} tokens was not written`);
  }

  /** Notes that a token was used just now. */
  record(tokenId: number, address: string): void {
    const nowMs = Date.now();
    const hour = Math.floor(nowMs / HOUR_MS) * (HOUR_MS / 1_000);
    const key = `${tokenId}/${hour}`;
    const known = this.#pending.get(key);
    if (known) Object.assign(known, { count: known.count + 1, last_used: nowMs, ip: address });
    else if (this.#pending.size < TOKENS_MAX) {
      this.#pending.set(key, { token_id: tokenId, hour, count: 1, last_used: nowMs, ip: address });
    }
  }

  /** Writes up to 2,000 tokens; the others wait for the next turn. Never throws. @returns whether it worked */
  flush(): Promise<boolean> {
    this.#flushing ??= this.#flushBatch().finally(() => (this.#flushing = undefined));
    return this.#flushing;
  }

  async #flushBatch(): Promise<boolean> {
    this.#batch ??= this.#takeBatch();
    if (!this.#batch) return true;
    try {
      await this.ledger.applyBatch(this.#batch);
      this.#batch = undefined;
      this.#failing = false;
      return true;
    } catch (error) {
      if (!this.#failing) this.#logger.warn(`The use of tokens can't be written now: ${(error as Error).message}`);
      this.#failing = true;
      return false;
    }
  }

  #takeBatch(): UsageBatch | undefined {
    if (this.#pending.size === 0) return undefined;
    const taken = [...this.#pending.entries().take(USAGE_BATCH_ENTRIES_MAX)];
    for (const [key] of taken) this.#pending.delete(key);
    return { id: randomUUID(), instance: GATEWAY, entries: mergedByHour(taken.map(([, entry]) => entry)) };
  }
}
