import { setTimeout as sleep } from 'node:timers/promises';
import type { PurgeSession } from './purge-session.js';

const PAUSE_MS_MIN = 20;
const PAUSE_MS_MAX = 2_000;

/** Deletes in small batches, and leaves the database as long a pause after each as the batch took. */
export class Batches {
  constructor(
    private readonly session: PurgeSession,
    private readonly batchesMax: number,
    private readonly isStopping: () => boolean = () => false,
  ) {}

  /**
   * Goes on until a batch isn't full.
   *
   * @param rowsMax of one batch
   * @param batch deletes one; returns how many rows those were
   * @returns how many rows they were in all; what is left waits for the next run
   * @throws when the lock is lost, or what `batch` throws
   */
  async run(rowsMax: number, batch: () => Promise<number>): Promise<number> {
    let total = 0;
    for (let n = 0; n < this.batchesMax && !this.isStopping(); n += 1) {
      await this.session.assertHeld();
      const startedMs = performance.now();
      const count = await batch();
      total += count;
      if (count < rowsMax) break;
      await sleep(Math.min(Math.max(performance.now() - startedMs, PAUSE_MS_MIN), PAUSE_MS_MAX));
    }
    return total;
  }
}
