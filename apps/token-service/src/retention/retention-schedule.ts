import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { PeriodicTask } from './periodic-task.js';
import { inWords, type PurgeReport, Retention } from './retention.js';

const INTERVAL_MS = 60_000;
/** Per kind and run: 200,000 rows a minute, 5,000 expired tokens. */
const BATCHES_MAX = 100;

/** Purges every minute. Each replica tries to; one does. */
@Injectable()
export class RetentionSchedule implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger('Retention');
  readonly #task = new PeriodicTask('Retention', INTERVAL_MS, () => this.#run());
  /** Since the start of this process, by kind. */
  readonly deleted: Map<string, number>;
  readonly failures: Map<string, number>;
  #stopping = false;

  constructor(private readonly retention: Retention) {
    this.deleted = new Map(retention.kinds.map((kind) => [kind, 0]));
    this.failures = new Map(this.deleted);
  }

  onApplicationBootstrap(): void {
    this.#task.start();
  }

  /** Ends after the batch under way. */
  async onApplicationShutdown(): Promise<void> {
    this.#stopping = true;
    await this.#task.stop();
  }

  async #run(): Promise<void> {
    const report = await this.retention.run(BATCHES_MAX, () => this.#stopping);
    if (report) this.#account(report);
  }

  /** @throws for what failed, which the task tells of once */
  #account({ deleted, failures, tookMs }: PurgeReport): void {
    for (const [kind, count] of Object.entries(deleted)) this.deleted.set(kind, this.deleted.get(kind)! + count);
    for (const { kind } of failures) this.failures.set(kind, this.failures.get(kind)! + 1);
    const words = inWords(deleted);
    if (words) this.#logger.log(`Purged ${words}, in ${Math.round(tookMs)} ms`);
    if (failures.length > 0) throw new Error(failures.map(({ kind, error }) => `${kind}: ${error.message}`).join('; '));
  }
}
