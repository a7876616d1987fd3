import { Inject, Injectable } from '@nestjs/common';
import type { UsageBatch, UsageEntry } from '@portcullis/contracts';
import { DataSource, type EntityManager } from 'typeorm';
import { appendRefusedUses } from '../audit/refused-uses.js';
import { isoSeconds } from '../database/iso-seconds.js';
import { EVENT_TOKEN_COLUMNS, type EventTokenRow, eventTokenOf } from '../events/event-token.js';
import { appendToOutbox, type NewEvent } from '../events/outbox.js';
import { OutboxRelay } from '../events/outbox-relay.js';
import { mergedByHour, mergedByToken } from './merged-usage.js';
import * as sql from './usage-sql.js';
import { USAGE_OPTIONS, type UsageOptions } from './usage-options.js';

const ATTEMPTS_MAX = 3;

// foreign_key_violation: a token was deleted in between, and is left out next time. deadlock_detected.
const WORTH_ANOTHER_TRY = new Set(['23503', '40P01']);

interface LastUsedRow {
  token_id: number;
  last_used: Date;
  ip: string;
  gateway: string;
  count_since_event: number;
  is_due: boolean;
}

/** Counts the use of tokens: when last, from where, how often in each hour; and says so with `TokenUsed`. */
@Injectable()
export class UsageLedger {
  constructor(
    @Inject(USAGE_OPTIONS) private readonly options: UsageOptions,
    private readonly dataSource: DataSource,
    private readonly relay: OutboxRelay,
  ) {}

  /**
   * Counts a batch, once, however often it is applied, and writes refused uses into the audit trail. Tokens that don't exist are
   * not counted.
   *
   * @returns false when it was counted before
   * @throws what Postgres throws; nothing is counted then
   */
  async applyBatch(batch: UsageBatch): Promise<boolean> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const { isNew, events } = await this.dataSource.transaction((manager) => this.#apply(manager, batch));
        if (events > 0) this.relay.nudge();
        return isNew;
      } catch (error) {
        const { code } = error as { code?: string };
        if (attempt === ATTEMPTS_MAX || code === undefined || !WORTH_ANOTHER_TRY.has(code)) throw error;
      }
    }
  }

  async #apply(
    manager: EntityManager,
    { id, instance, entries, refused = [] }: UsageBatch,
  ): Promise<{ isNew: boolean; events: number }> {
    const inserted = await manager.query<unknown[]>(sql.REMEMBER_BATCH, [id]);
    if (inserted.length === 0) return { isNew: false, events: 0 };
    await appendRefusedUses(manager, refused, instance);
    if (entries.length === 0) return { isNew: true, events: 0 };
    const hours = mergedByHour(entries);
    const tokens = mergedByToken(hours);
    const locked = await this.#lockNewlyUsed(manager, hours);
    const lastUsed = await this.#updateLastUsed(manager, tokens, instance);
    await manager.query(sql.UPSERT_HOURS, columnsOf(hours));
    const due = lastUsed.filter((row) => row.is_due).flatMap((row) => usedEvent(row, locked.get(row.token_id)));
    if (due.length > 0) await this.#announce(manager, due);
    return { isNew: true, events: due.length };
  }

  /**
   * Locks the tokens that something new is written for: an event, or a first row. The event then has its place among those of a
   * revoke or a deletion of the same token; and tokens are locked before their usage, as a deletion does it. All others, nearly all
   * of them, only have rows updated that exist.
   */
  async #lockNewlyUsed(manager: EntityManager, hours: readonly UsageEntry[]): Promise<Map<number, EventTokenRow>> {
    const ids = hours.map(({ token_id }) => token_id);
    const starts = hours.map(({ hour }) => hour);
    const interval = this.options.tokenUsedIntervalSeconds;
    const candidates = await manager.query<{ token_id: number }[]>(sql.NEWLY_USED, [ids, starts, interval]);
    if (candidates.length === 0) return new Map();
    const tokenIds = candidates.map(({ token_id }) => token_id);
    const rows = await manager.query<EventTokenRow[]>(lockTokensSql, [tokenIds]);
    return new Map(rows.map((row) => [row.id, row]));
  }

  #updateLastUsed(manager: EntityManager, tokens: readonly UsageEntry[], gateway: string): Promise<LastUsedRow[]> {
    const [ids, , counts, times, addresses] = columnsOf(tokens);
    const interval = this.options.tokenUsedIntervalSeconds;
    return manager.query<LastUsedRow[]>(sql.UPSERT_LAST_USED, [ids, counts, times, addresses, gateway, interval]);
  }

  async #announce(manager: EntityManager, events: NewEvent<'TokenUsed'>[]): Promise<void> {
    await appendToOutbox(manager, events);
    await manager.query(sql.MARK_ANNOUNCED, [events.map(({ data }) => data.token.id)]);
  }
}

const lockTokensSql = `
  SELECT ${EVENT_TOKEN_COLUMNS}
  FROM tokens t JOIN users u ON u.id = t.user_id
  WHERE t.id = ANY ($1::bigint[])
  ORDER BY t.id
  FOR SHARE OF t`;

function columnsOf(entries: readonly UsageEntry[]): [number[], number[], number[], number[], string[]] {
  return [
    entries.map(({ token_id }) => token_id),
    entries.map(({ hour }) => hour),
    entries.map(({ count }) => count),
    entries.map(({ last_used }) => last_used),
    entries.map(({ ip }) => ip),
  ];
}

/** Nothing for a token that isn't locked: it was not due when it was looked at, a moment ago. */
function usedEvent(row: LastUsedRow, token: EventTokenRow | undefined): NewEvent<'TokenUsed'>[] {
  if (!token) return [];
  const { ip, gateway, count_since_event: count } = row;
  const data = { token: eventTokenOf(token), count, last_used: isoSeconds(row.last_used), ip, gateway };
  return [{ type: 'TokenUsed', subject: `token/${row.token_id}`, data }];
}
