import type { AccessEntry, KeysResponse } from '@portcullis/contracts';
import { Keyring, type TokenVerifier } from '@portcullis/access-control';
import type { AccessView } from './access-view.js';
import type { Clock } from './clock.js';
import type { FeedVerifier } from './feed-verifier.js';

const RETRY_MS = 250;
const OVERDUE_MS = 3_000;

interface Dependencies {
  fetchKeys: () => Promise<KeysResponse>;
  verifier: TokenVerifier;
  feed: FeedVerifier;
  clock: Clock;
  /** Called when the keys that entries spoke of have come. */
  onResolved: () => void;
  onFailure: (error: unknown) => void;
}

/**
 * Keeps the verifier's keys in step with the ledger. Key material never travels by NATS: an entry only names a key, so a new
 * one is fetched from the internal API, and its number isn't confirmed before that. A retired key is dropped at once.
 */
export class SigningKeys {
  #response: KeysResponse | undefined;
  #view: AccessView | undefined;
  /** First and latest number of key entries whose keys are still to be fetched. */
  #awaited: { from: number; to: number; sinceMs: number } | undefined;
  #refreshing = false;
  #stopped = false;

  constructor(private readonly deps: Dependencies) {}

  /** The highest number, at most `appliedSeq`, below which no key is missing. */
  resolvedSeq(appliedSeq: number): number {
    return this.#awaited ? Math.min(appliedSeq, this.#awaited.from - 1) : appliedSeq;
  }

  /** A key has been missing for so long that this gateway had better let its lease go than hold up every confirmation. */
  get isOverdue(): boolean {
    return this.#awaited !== undefined && this.deps.clock.monotonicMs() - this.#awaited.sinceMs > OVERDUE_MS;
  }

  /** Takes the keys that were fetched after this view's snapshot. @throws when a key has no material */
  install(response: KeysResponse, view: AccessView): void {
    this.#use(response, view);
    this.#awaited = undefined;
  }

  /** Follows entries that were just put into the view. */
  noteEntries(entries: readonly AccessEntry[], view: AccessView): void {
    const changed = entries.filter((entry) => entry.kind === 'key');
    const last = changed.at(-1);
    if (!last || !this.#response) return;
    if (changed.some((entry) => entry.value === 'retired')) this.#use(this.#response, view);
    const first = changed.find((entry) => entry.value !== 'retired');
    if (!first) return;
    const { from, sinceMs } = this.#awaited ?? { from: first.seq, sinceMs: this.deps.clock.monotonicMs() };
    this.#awaited = { from, to: last.seq, sinceMs };
    void this.#refresh();
  }

  stop(): void {
    this.#stopped = true;
  }

  #use(response: KeysResponse, view: AccessView): void {
    const keys = response.keys.filter(({ kid }) => view.keyState(kid) !== 'retired');
    this.deps.verifier.useKeyring(Keyring.from({ ...response, keys }));
    this.deps.feed.usePublicKey(response.feed_public_key);
    this.#response = response;
    this.#view = view;
  }

  /** One at a time; ends when an answer was asked for after the latest key entry had been applied. */
  async #refresh(): Promise<void> {
    if (this.#refreshing) return;
    this.#refreshing = true;
    while (this.#awaited && !this.#stopped) {
      if (await this.#fetchFor(this.#awaited)) continue;
      await new Promise<void>((resolve) => this.deps.clock.after(RETRY_MS, resolve));
    }
    this.#refreshing = false;
    if (!this.#stopped) this.deps.onResolved();
  }

  /** @returns false when it has to be tried again after a pause */
  async #fetchFor(awaited: object): Promise<boolean> {
    const view = this.#view;
    try {
      const response = await this.deps.fetchKeys();
      // A snapshot that was installed meanwhile came with newer keys than these.
      if (!view || this.#view !== view) return true;
      this.#use(response, view);
      if (this.#awaited === awaited) this.#awaited = undefined;
      return true;
    } catch (error) {
      this.deps.onFailure(error);
      return false;
    }
  }
}
