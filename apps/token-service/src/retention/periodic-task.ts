import { Logger } from '@nestjs/common';

/** Runs something again and again, never twice at a time. A run that fails is logged once and tried again at the next turn. */
export class PeriodicTask {
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #failing = false;

  constructor(
    private readonly name: string,
    private readonly intervalMs: number,
    private readonly run: () => Promise<unknown>,
  ) {
    this.#logger = new Logger(name);
  }

  /** Begins with a run at once. */
  start(): void {
    this.#timer = setInterval(() => this.#turn(), this.intervalMs);
    this.#turn();
  }

  /** Resolves when the run under way has ended. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  #turn(): void {
    this.#running ??= this.#runOnce().finally(() => (this.#running = undefined));
  }

  async #runOnce(): Promise<void> {
    try {
      await this.run();
      if (this.#failing) this.#logger.log(`${this.name} works again`);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#logger.warn(`${this.name} failed, trying again: ${(error as Error).message}`);
      this.#failing = true;
    }
  }
}
