/** Tells the user, a line a step, what happens and how long it took. */
export class Progress {
  readonly #startedMs = performance.now();
  #write: (text: string) => void;
  #lineOpen = false;

  constructor(write: (text: string) => void = (text) => void process.stdout.write(text)) {
    this.#write = write;
  }

  /**
   * Does one step: its label is shown at once, its outcome and time on the same line when it is over.
   *
   * @param describe puts the outcome in a few words.
   * @throws what `work` throws.
   */
  async step<T>(label: string, work: () => Promise<T>, describe: (outcome: T) => string): Promise<T> {
    const startedMs = performance.now();
    this.#write(`${label.padEnd(16)}`);
    this.#lineOpen = true;
    try {
      const outcome = await work();
      const took = `(${seconds(startedMs)})`;
      this.#write(
        this.#lineOpen ? `${describe(outcome)} ${took}\n` : `${' '.repeat(16)}${describe(outcome)} ${took}\n`,
      );
      this.#lineOpen = false;
      return outcome;
    } finally {
      this.#closeLine();
    }
  }

  /** Shows a line of its own. */
  say(line: string): void {
    this.#closeLine();
    this.#write(`${line}\n`);
  }

  /** Shows a line that explains the step at hand. */
  notice(line: string): void {
    this.#write(this.#lineOpen ? `${line}\n` : `${' '.repeat(16)}${line}\n`);
    this.#lineOpen = false;
  }

  /** Shows nothing more: the stack is being stopped, and what the start still does is of no interest. */
  silence(): void {
    this.#closeLine();
    this.#write = () => undefined;
  }

  /** @returns the time since the beginning, such as `4.2 s`. */
  total(): string {
    return seconds(this.#startedMs);
  }

  #closeLine(): void {
    if (this.#lineOpen) this.#write('\n');
    this.#lineOpen = false;
  }
}

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
}
