import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { PeriodicTask } from '../events/periodic-task.js';

const INTERVAL_MS = 10 * 60_000;
const BATCH_ROWS_MAX = 2_000;
const BATCHES_MAX = 100;

/** Forgets the ids of usage batches after a day: long after the last time that one could be delivered again. */
@Injectable()
export class UsageBatchRetention implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #task = new PeriodicTask('Usage batch retention', INTERVAL_MS, () => this.sweep());

  constructor(private readonly dataSource: DataSource) {}

  onApplicationBootstrap(): void {
    this.#task.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#task.stop();
  }

  /** @returns how many ids were deleted */
  async sweep(): Promise<number> {
    let deleted = 0;
    for (let batch = 0; batch < BATCHES_MAX; batch += 1) {
      const [, count] = await this.dataSource.query<[unknown, number]>(DELETE_SQL, [BATCH_ROWS_MAX]);
      deleted += count;
      if (count < BATCH_ROWS_MAX) break;
    }
    return deleted;
  }
}

const DELETE_SQL = `
  DELETE FROM usage_batches
  WHERE id IN (SELECT id FROM usage_batches WHERE received_at < now() - interval '1 day' LIMIT $1)`;
