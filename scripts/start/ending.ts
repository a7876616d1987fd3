import { rm } from 'node:fs/promises';
import type { DataDirLock } from '../stack/data-dir-lock.ts';
import { Parts } from './parts.ts';
import type { Progress } from './progress.ts';

// One Ctrl-C may come several times: from the terminal, from npm, and passed on by start.mjs.
const SAME_KEYPRESS_MS = 400;

/** Ends the whole stack, once: on a signal, when a part dies, or when the start fails. */
export class Ending {
  readonly parts = new Parts((error) => void this.end(1, error.message));
  readonly #progress: Progress;
  readonly #lock: DataDirLock;
  readonly #servicesFile: string;
  #begunMs: number | undefined;

  constructor(progress: Progress, lock: DataDirLock, servicesFile: string) {
    this.#progress = progress;
    this.#lock = lock;
    this.#servicesFile = servicesFile;
  }

  /** Lets Ctrl-C, a termination signal and the death of the launching process end the stack. */
  listen(): void {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => this.#onSignal());
    process.on('disconnect', () => void this.end(0));
    // Output that nobody reads any more is no reason to stop.
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  }

  /**
   * Stops all parts in order and ends this process; only the first call counts.
   *
   * @param message what went wrong, if anything did.
   */
  async end(code: number, message?: string): Promise<void> {
    if (this.#begunMs !== undefined) return;
    this.#begunMs = performance.now();
    this.#progress.silence();
    if (message !== undefined) console.error(`\n${message}\n`);
    console.log('stopping …');
    try {
      await this.#lock.markStopping();
      await this.parts.stopAll();
      await rm(this.#servicesFile, { force: true });
      await this.#lock.release();
      console.log(`stopped (${((performance.now() - this.#begunMs) / 1000).toFixed(1)} s)`);
      process.exit(code);
    } catch (error) {
      console.error(error instanceof Error ? error.message : error);
      process.exit(1);
    }
  }

  #onSignal(): void {
    if (this.#begunMs === undefined) {
      void this.end(0);
    } else if (performance.now() - this.#begunMs > SAME_KEYPRESS_MS) {
      console.error('killed');
      this.parts.killAll();
      process.exit(130);
    }
  }
}
