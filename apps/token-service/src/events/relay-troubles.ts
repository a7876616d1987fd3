import type { Logger } from '@nestjs/common';

const REPEAT_AFTER_MS = 30_000;

/** Logs that something is wrong when it begins, when its cause changes, every half minute while it lasts, and when it is over. */
export class RelayTroubles {
  #current: { message: string; loggedAtMs: number } | undefined;

  constructor(private readonly logger: Logger) {}

  report(what: string, error: unknown): void {
    const message = `${what}: ${error instanceof Error ? error.message : String(error)}`;
    const nowMs = performance.now();
    const repeated = this.#current?.message === message && nowMs - this.#current.loggedAtMs < REPEAT_AFTER_MS;
    if (repeated) return;
    this.#current = { message, loggedAtMs: nowMs };
    this.logger.error(message);
  }

  over(): void {
    if (!this.#current) return;
    this.#current = undefined;
    this.logger.log('The outbox is being relayed again');
  }
}
