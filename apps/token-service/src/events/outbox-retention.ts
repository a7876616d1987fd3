import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { PeriodicTask } from './periodic-task.js';

const INTERVAL_MS = 60_000;
const BATCH_ROWS_MAX = 2_000;
const BATCHES_MAX = 50;

/** Deletes rows of the outbox that were published more than a day ago. */
@Injectable()
export class OutboxRetention implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #task = new PeriodicTask('Outbox retention', INTERVAL_MS, () => this.sweep());

  constructor(private readonly dataSource: DataSource) {}

  onApplicationBootstrap(): void {
    this.#task.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#task.stop();
  }

  /** @returns how many rows were deleted */
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

// The oldest rows have the lowest ids: looking at those alone needs no index over the time.
const DELETE_SQL = `
  DELETE FROM outbox o
  USING (SELECT id, published_at FROM outbox ORDER BY id LIMIT $1) oldest
  WHERE o.id = oldest.id AND oldest.published_at < now() - interval '1 day'`;
