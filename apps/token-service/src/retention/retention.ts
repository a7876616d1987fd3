import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { PeriodicTask } from './periodic-task.js';

const INTERVAL_MS = 60_000;
const BATCH_ROWS_MAX = 2_000;
const BATCHES_MAX = 50;

/** Deletes what has served its purpose, in small batches, so that no lock is held for long. */
@Injectable()
export class Retention implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #task = new PeriodicTask('Retention', INTERVAL_MS, () => this.sweep());

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
    for (const sql of [PUBLISHED_EVENTS_SQL, USAGE_BATCHES_SQL, ENDED_LEASES_SQL])
      deleted += await this.sweepTable(sql);
    return deleted;
  }

  private async sweepTable(sql: string): Promise<number> {
    let deleted = 0;
    for (let batch = 0; batch < BATCHES_MAX; batch += 1) {
      const [, count] = await this.dataSource.query<[unknown, number]>(sql, [BATCH_ROWS_MAX]);
      deleted += count;
      if (count < BATCH_ROWS_MAX) break;
    }
    return deleted;
  }
}

// The oldest rows have the lowest ids: looking at those alone needs no index over the time.
const PUBLISHED_EVENTS_SQL = `
  DELETE FROM outbox o
  USING (SELECT id, published_at FROM outbox ORDER BY id LIMIT $1) oldest
  WHERE o.id = oldest.id AND oldest.published_at < now() - interval '1 day'`;

// Long after the last time that one could be delivered again.
const USAGE_BATCHES_SQL = `
  DELETE FROM usage_batches
  WHERE id IN (SELECT id FROM usage_batches WHERE received_at < now() - interval '1 day' LIMIT $1)`;

// The last usage report of a gateway that is gone may still be on its way, and its key is needed for that.
const ENDED_LEASES_SQL = `
  DELETE FROM gateway_leases
  WHERE lease_id IN (
    SELECT lease_id FROM gateway_leases WHERE coalesce(released_at, fenced_at) < now() - interval '7 days' LIMIT $1)`;
