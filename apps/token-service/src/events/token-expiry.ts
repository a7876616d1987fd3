import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { EVENT_TOKEN_COLUMNS, type EventTokenRow, eventTokenOf } from './event-token.js';
import { appendToOutbox, type NewEvent } from './outbox.js';
import { OutboxRelay } from './outbox-relay.js';
import { PeriodicTask } from '../retention/periodic-task.js';

const SWEEP_INTERVAL_MS = 15_000;
const BATCH_TOKENS_MAX = 500;
const BATCHES_MAX = 40;

/** Writes `TokenExpired` for tokens whose time has come. Every replica sweeps; they skip what another one is at. */
@Injectable()
export class TokenExpiry implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #sweep = new PeriodicTask('Token expiry', SWEEP_INTERVAL_MS, () => this.sweep());

  constructor(
    private readonly dataSource: DataSource,
    private readonly relay: OutboxRelay,
  ) {}

  onApplicationBootstrap(): void {
    this.#sweep.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#sweep.stop();
  }

  /** One sweep, up to 20,000 tokens; more of them wait for the next. @returns how many expired */
  async sweep(): Promise<number> {
    let expired = 0;
    for (let batch = 0; batch < BATCHES_MAX; batch += 1) {
      const count = await this.dataSource.transaction(expireBatch);
      expired += count;
      if (count > 0) this.relay.nudge();
      if (count < BATCH_TOKENS_MAX) break;
    }
    return expired;
  }
}

async function expireBatch(manager: EntityManager): Promise<number> {
  const rows = await manager.query<EventTokenRow[]>(EXPIRED_SQL, [BATCH_TOKENS_MAX]);
  if (rows.length === 0) return 0;
  await appendToOutbox(manager, rows.map(expiredEvent));
  await manager.query('UPDATE tokens SET expired_event_at = now() WHERE id = ANY ($1::bigint[])', [
    rows.map(({ id }) => id),
  ]);
  return rows.length;
}

function expiredEvent(row: EventTokenRow): NewEvent<'TokenExpired'> {
  const actor = { user_id: null, token_id: 'system' } as const;
  return { type: 'TokenExpired', subject: `token/${row.id}`, data: { token: eventTokenOf(row), actor } };
}

const EXPIRED_SQL = `
  SELECT ${EVENT_TOKEN_COLUMNS}
  FROM tokens t JOIN users u ON u.id = t.user_id
  WHERE t.expires_at <= now() AND t.revoked_at IS NULL AND t.expired_event_at IS NULL
  ORDER BY t.expires_at
  LIMIT $1
  FOR NO KEY UPDATE OF t SKIP LOCKED`;
