/** A pause that can be cut short. A wake-up while nobody pauses is kept for the next pause. */
export class WakeablePause {
  #woken = false;
  #end: (() => void) | undefined;

  /** Resolves after `ms`, or at the next {@link wake}. */
  wait(ms: number): Promise<void> {
    if (this.#woken) {
      this.#woken = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#end?.(), ms);
      this.#end = () => {
        clearTimeout(timer);
        this.#end = undefined;
        resolve();
      };
    });
  }

  wake(): void {
    if (this.#end) this.#end();
    else this.#woken = true;
  }
}
