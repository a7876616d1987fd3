import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { type RefusedRequest, RefusedUses } from '@portcullis/access-control';
import { DataSource } from 'typeorm';
import { PeriodicTask } from '../retention/periodic-task.js';
import { appendRefusedUses } from './refused-uses.js';

const INTERVAL_MS = 1_000;
/** What records say instead of a gateway's name. */
const GATEWAY = 'token-service';

/** Uses of revoked and expired tokens at the token-service itself, written into the audit trail within a second or so. */
@Injectable()
export class RefusedRequests implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #uses = new RefusedUses();
  readonly #task = new PeriodicTask('The audit of refused requests', INTERVAL_MS, () => this.#write());

  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  onApplicationBootstrap(): void {
    this.#task.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#task.stop();
    await this.#write().catch(() => undefined);
  }

  /** Never throws, never waits. */
  note(refused: RefusedRequest): void {
    this.#uses.note(refused, Date.now());
  }

  async #write(): Promise<void> {
    await appendRefusedUses(this.dataSource.manager, this.#uses.take(Date.now()), GATEWAY);
  }
}
