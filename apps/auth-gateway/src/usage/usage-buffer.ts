import { USAGE_BATCH_ENTRIES_MAX, type UsageEntry } from '@portcullis/contracts';

const HOUR_MS = 3_600_000;

/** Use that waits to be sent, coalesced per token and hour. Its size is bounded by distinct tokens, not by requests. */
export class UsageBuffer {
  /** By start of the hour (seconds), oldest first; each by token id, in the order of first use. */
  readonly #hours = new Map<number, Map<number, UsageEntry>>();
  #current = new Map<number, UsageEntry>();
  #currentHour = -1;
  #size = 0;
  #droppedCount = 0;

  constructor(private readonly entriesMax: number) {}

  get size(): number {
    return this.#size;
  }

  /** Requests whose use was dropped since the start, because too many tokens were waiting. */
  get droppedCount(): number {
    return this.#droppedCount;
  }

  add(tokenId: number, ip: string, wallMs: number): void {
    const hour = Math.floor(wallMs / HOUR_MS) * 3_600;
    if (hour !== this.#currentHour) this.#turnTo(hour);
    const entry = this.#current.get(tokenId);
    if (entry) {
      entry.count += 1;
      entry.last_used = wallMs;
      entry.ip = ip;
      return;
    }
    this.#current.set(tokenId, { token_id: tokenId, hour, count: 1, last_used: wallMs, ip });
    this.#size += 1;
    if (this.#size > this.entriesMax) this.#dropOldest();
  }

  /** Takes out the oldest entries, as many as fit into one batch. */
  take(): UsageEntry[] {
    const taken: UsageEntry[] = [];
    for (const [hour, entries] of this.#hours) {
      for (const [tokenId, entry] of entries) {
        if (taken.length === USAGE_BATCH_ENTRIES_MAX) return taken;
        taken.push(entry);
        entries.delete(tokenId);
        this.#size -= 1;
      }
      this.#forgetIfDone(hour, entries);
    }
    return taken;
  }

  #turnTo(hour: number): void {
    this.#currentHour = hour;
    this.#current = this.#hours.get(hour) ?? new Map<number, UsageEntry>();
    this.#hours.set(hour, this.#current);
    for (const [past, entries] of this.#hours) this.#forgetIfDone(past, entries);
  }

  #dropOldest(): void {
    for (const [hour, entries] of this.#hours) {
      for (const [tokenId, entry] of entries) {
        entries.delete(tokenId);
        this.#size -= 1;
        this.#droppedCount += entry.count;
        return;
      }
      this.#forgetIfDone(hour, entries);
    }
  }

  #forgetIfDone(hour: number, entries: Map<number, UsageEntry>): void {
    if (entries.size === 0 && hour !== this.#currentHour) this.#hours.delete(hour);
  }
}
