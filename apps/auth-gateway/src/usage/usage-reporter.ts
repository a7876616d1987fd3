import { randomUUID } from 'node:crypto';
import { type RefusedRequest, RefusedUses } from '@portcullis/access-control';
import { USAGE_BATCH_ENTRIES_MAX, type UsageBatch } from '@portcullis/contracts';
import type { Clock } from '../access-view/clock.js';
import type { LeaseIdentity } from '../access-view/lease-identity.js';
import { UsageBuffer } from './usage-buffer.js';
import type { UsageRecorder } from './usage-recorder.js';

const FLUSH_INTERVAL_MS = 500;
/** About 30 MB when every entry is another token. */
export const WAITING_ENTRIES_MAX = 250_000;
const SHUTDOWN_ATTEMPTS_MAX = 200;

/** Resolves only when the stream has said that it stored the batch (or had it already). */
export type PublishBatch = (batchId: string, payload: Uint8Array, macHeader: string) => Promise<void>;

interface Dependencies {
  instance: string;
  clock: Clock;
  /** undefined while this process has no lease: then nobody would believe a report. */
  identity: () => LeaseIdentity | undefined;
  publish: PublishBatch;
  log: { info(message: string): void; warn(message: string): void };
  waitingEntriesMax?: number;
}

/**
 * Reports use to the token-service: one batch at a time, and the same one again, id and bytes, until the stream has it.
 * Meanwhile new use coalesces behind it, so that a NATS that is away for an hour costs memory by token and loses nothing.
 */
export class UsageReporter implements UsageRecorder {
  readonly #buffer: UsageBuffer;
  readonly #refused = new RefusedUses();
  #inFlight: { id: string; payload: Uint8Array } | undefined;
  #sending: Promise<boolean> | undefined;
  #cancelTimer: () => void = () => {};
  #failures = 0;
  #stopped = false;
  #dropped = { whenLastSent: 0, said: false };

  constructor(private readonly deps: Dependencies) {
    this.#buffer = new UsageBuffer(deps.waitingEntriesMax ?? WAITING_ENTRIES_MAX);
  }

  record(tokenId: number, clientAddress: string): void {
    this.#buffer.add(tokenId, clientAddress, this.deps.clock.wallMs());
  }

  recordRefusal(refused: RefusedRequest): void {
    this.#refused.note(refused, this.deps.clock.wallMs());
  }

  /** Entries that wait, those of the batch in flight not counted. */
  get waitingEntries(): number {
    return this.#buffer.size;
  }

  get droppedCount(): number {
    return this.#buffer.droppedCount;
  }

  start(): void {
    this.#cancelTimer = this.deps.clock.after(FLUSH_INTERVAL_MS, () => {
      void this.flush().then(() => this.#stopped || this.start());
    });
  }

  /** Sends everything that waits, until it is gone or a batch isn't taken. @returns whether it is all gone */
  flush(): Promise<boolean> {
    this.#sending ??= this.#sendAll().finally(() => (this.#sending = undefined));
    return this.#sending;
  }

  /** The last flush: tries again for as long as `timeoutMs`, since a second chance won't come. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer();
    const endMs = this.deps.clock.monotonicMs() + timeoutMs;
    for (let attempt = 0; attempt < SHUTDOWN_ATTEMPTS_MAX; attempt += 1) {
      const remainingMs = endMs - this.deps.clock.monotonicMs();
      if (remainingMs <= 0) break;
      if (await Promise.race([this.flush(), this.#pause(remainingMs)])) return;
      await this.#pause(50);
    }
    this.deps.log.warn(`stopping with use of ${this.#buffer.size} tokens unreported`);
  }

  async #sendAll(): Promise<boolean> {
    this.#sayDropped();
    const batchesMax = Math.ceil(this.#buffer.size / USAGE_BATCH_ENTRIES_MAX) + 1;
    for (let sent = 0; sent < batchesMax; sent += 1) {
      this.#inFlight ??= this.#nextBatch();
      if (!this.#inFlight) return true;
      if (!(await this.#send(this.#inFlight))) return false;
      this.#inFlight = undefined;
    }
    return this.#buffer.size === 0;
  }

  #nextBatch(): { id: string; payload: Uint8Array } | undefined {
    const entries = this.#buffer.take();
    const refused = this.#refused.take(this.deps.clock.wallMs());
    if (entries.length === 0 && refused.length === 0) return undefined;
    const batch: UsageBatch = {
      id: randomUUID(),
      instance: this.deps.instance,
      entries,
      ...(refused.length > 0 && { refused }),
    };
    return { id: batch.id, payload: Buffer.from(JSON.stringify(batch)) };
  }

  async #send({ id, payload }: { id: string; payload: Uint8Array }): Promise<boolean> {
    const identity = this.deps.identity();
    if (!identity) return false;
    try {
      await this.deps.publish(id, payload, identity.macHeader(payload));
    } catch (error) {
      if (this.#failures === 0) this.deps.log.warn(`usage waits: ${(error as Error).message}`);
      this.#failures += 1;
      return false;
    }
    if (this.#failures > 0) this.deps.log.info(`usage is reported again, after ${this.#failures} failed attempts`);
    this.#failures = 0;
    this.#dropped = { whenLastSent: this.#buffer.droppedCount, said: false };
    return true;
  }

  /** Once per outage. */
  #sayDropped(): void {
    if (this.#dropped.said || this.#buffer.droppedCount === this.#dropped.whenLastSent) return;
    this.#dropped.said = true;
    this.deps.log.warn('too many tokens wait to be reported as used: the oldest are dropped');
  }

  async #pause(delayMs: number): Promise<false> {
    await new Promise<void>((resolve) => this.deps.clock.after(delayMs, resolve));
    return false;
  }
}
