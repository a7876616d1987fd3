const REPEAT_MS = 60_000;
const KEYS_MAX = 1_000;

/** Lets one of those that are alike through in a minute, and says with the next how many there were. */
export class RepetitionFilter {
  readonly #seen = new Map<string, { untilMs: number; held: number }>();

  /** @returns 0: to be held back; else how many it stands for, those held back before it included */
  count(key: string, nowMs: number): number {
    const known = this.#seen.get(key);
    if (known && nowMs < known.untilMs) {
      known.held += 1;
      return 0;
    }
    this.#seen.delete(key);
    if (this.#seen.size >= KEYS_MAX) this.#forgetOver(nowMs);
    if (this.#seen.size >= KEYS_MAX) return 0;
    this.#seen.set(key, { untilMs: nowMs + REPEAT_MS, held: 0 });
    return 1 + (known?.held ?? 0);
  }

  #forgetOver(nowMs: number): void {
    for (const [key, { untilMs }] of this.#seen) if (nowMs >= untilMs) this.#seen.delete(key);
  }
}
