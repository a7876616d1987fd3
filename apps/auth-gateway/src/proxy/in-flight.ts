import type { ServerResponse } from 'node:http';

/** Counts the requests that were let in and are not answered yet. */
export class InFlight {
  #count = 0;
  readonly #waiting = new Set<() => void>();

  get count(): number {
    return this.#count;
  }

  /** Counts a request until its response is closed, by its end or by the client. */
  add(response: ServerResponse): void {
    this.#count += 1;
    response.on('close', this.#onClosed);
  }

  /**
   * Waits until no request is in flight.
   *
   * @returns whether that came to be within `timeoutMs`
   */
  none(timeoutMs: number): Promise<boolean> {
    if (this.#count === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const settle = (idle: boolean): void => {
        clearTimeout(timer);
        this.#waiting.delete(onIdle);
        resolve(idle);
      };
      const onIdle = (): void => settle(true);
      const timer = setTimeout(() => settle(false), timeoutMs);
      this.#waiting.add(onIdle);
    });
  }

  readonly #onClosed = (): void => {
    this.#count -= 1;
    if (this.#count > 0) return;
    for (const onIdle of this.#waiting) onIdle();
  };
}
