import type { AccessChange, AccessEntry } from '@portcullis/contracts';
import type { AccessView } from './access-view.js';

/** Changes that arrived before the ones that precede them. A renewal fetches whatever doesn't fit. */
const EARLY_CHANGES_MAX = 64;

/**
 * `applied`: the view moved on. `known`: nothing new in it. `gap`: something before it is missing, or it was too big to send.
 * `other_epoch`: of another ledger. `no_view`: there is nothing yet to apply it to.
 */
export type ChangeOutcome = 'applied' | 'known' | 'gap' | 'other_epoch' | 'no_view';

/** Told of entries right after they were put into the view, and before anyone is told of their number. */
export type EntriesListener = (entries: readonly AccessEntry[], view: AccessView) => void;

/**
 * The view, and the rule by which it moves: its `appliedSeq` rises to N only when every entry up to N has been applied,
 * whatever order changes and renewals come in. Everything here is synchronous.
 */
export class AccessReplica {
  #view: AccessView | undefined;
  readonly #early = new Map<number, AccessChange>();
  readonly #listeners: EntriesListener[] = [];

  get view(): AccessView | undefined {
    return this.#view;
  }

  onEntries(listener: EntriesListener): void {
    this.#listeners.push(listener);
  }

  /**
   * Takes a whole new view in place of the old one. Changes that were kept may belong to a history that the ledger no longer
   * has, so they go; the renewal that opens the gate again brings whatever is newer than the view.
   */
  install(view: AccessView): void {
    this.#early.clear();
    this.#view = view;
  }

  /** Applies a change of the feed, or keeps it for when those before it have come. */
  applyChange(change: AccessChange): ChangeOutcome {
    const view = this.#view;
    if (!view) return 'no_view';
    if (change.epoch !== view.epoch) return 'other_epoch';
    if (change.to <= view.appliedSeq) return 'known';
    if (!change.entries) return 'gap';
    if (change.from > view.appliedSeq + 1) {
      this.#keepEarly(change);
      return 'gap';
    }
    this.#advance(view, change.entries, change.to);
    this.#applyEarly(view);
    return 'applied';
  }

  /**
   * Applies what a renewal handed over: all entries since a number at or below `appliedSeq`, complete up to `seq`,
   * since the ledger reads both in one statement.
   *
   * @returns whether it moved the view on
   */
  applyDelta(entries: readonly AccessEntry[], seq: number): boolean {
    const view = this.#view;
    if (!view || seq <= view.appliedSeq) return false;
    this.#advance(view, entries, seq);
    this.#applyEarly(view);
    return true;
  }

  #advance(view: AccessView, entries: readonly AccessEntry[], seq: number): void {
    const fresh = view.advance(entries, seq);
    if (fresh.length === 0) return;
    for (const listener of this.#listeners) listener(fresh, view);
  }

  #keepEarly(change: AccessChange): void {
    this.#early.set(change.from, change);
    if (this.#early.size <= EARLY_CHANGES_MAX) return;
    this.#early.delete(Math.max(...this.#early.keys())); // the one that will be needed last
  }

  #applyEarly(view: AccessView): void {
    const inOrder = [...this.#early.values()].toSorted((a, b) => a.from - b.from);
    for (const change of inOrder) {
      if (change.from > view.appliedSeq + 1) return;
      this.#early.delete(change.from);
      this.#advance(view, change.entries ?? [], change.to);
    }
  }
}
