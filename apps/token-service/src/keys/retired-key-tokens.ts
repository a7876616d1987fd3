import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AccessLedger } from '../access/access-ledger.js';
import { SYSTEM_ACTOR } from '../audit/actor.js';
import { PeriodicTask } from '../retention/periodic-task.js';
import { lockTokens } from '../tokens/locked-tokens.js';
import { revokeTokens } from '../tokens/token-changes.js';

const INTERVAL_MS = 2_000;
const BATCH_TOKENS_MAX = 200;
const BATCHES_MAX = 50;

/**
 * Marks the tokens of retired keys as revoked, with event and audit row each. They open nothing since the key was retired: this is
 * for those who look at them. In batches, since each holds the clock that every other change of access waits for.
 */
@Injectable()
export class RetiredKeyTokens implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #task = new PeriodicTask('Revoking the tokens of retired keys', INTERVAL_MS, () => this.sweep());

  constructor(
    private readonly dataSource: DataSource,
    private readonly ledger: AccessLedger,
  ) {}

  onApplicationBootstrap(): void {
    this.#task.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#task.stop();
  }

  async sweep(): Promise<void> {
    for (let batch = 0; batch < BATCHES_MAX; batch += 1) {
      const rows = await this.dataSource.query<{ id: number }[]>(BATCH_SQL, [BATCH_TOKENS_MAX]);
      if (rows.length === 0) return;
      await this.#revoke(rows.map(({ id }) => id));
    }
  }

  async #revoke(ids: number[]): Promise<void> {
    await this.ledger.changeLocked(
      (manager) => lockTokens(manager, ids),
      async (tx, tokens) => {
        const active = tokens.filter((token) => token.status === 'Active');
        revokeTokens(tx, active, 'key_retired', SYSTEM_ACTOR);
      },
    );
  }
}

const BATCH_SQL = `
  SELECT t.id FROM signing_keys k JOIN tokens t ON t.kid = k.kid
  WHERE k.state = 'retired' AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
  ORDER BY t.id LIMIT $1`;
