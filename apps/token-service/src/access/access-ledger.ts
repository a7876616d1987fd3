import { Injectable } from '@nestjs/common';
import { type AccessEntry, type KeyValue, type PrincipalValue, Problem, type TokenValue } from '@portcullis/contracts';
import { DataSource, type EntityManager } from 'typeorm';
import { OutboxRelay } from '../events/outbox-relay.js';
import { AccessFeed } from './access-feed.js';
import { RefusedChange } from './access-outcome.js';
import { LEDGER_POSITION_SQL, type LedgerPosition } from './ledger-position.js';

/** A fact that has no number yet. `dropAfter`: when the entry may be forgotten, because nothing could use it any more. */
export type NewAccessEntry =
  | { kind: 'token'; id: string; value: TokenValue; dropAfter?: Date | null }
  | { kind: 'principal'; id: string; value: PrincipalValue | null; dropAfter?: Date | null }
  | { kind: 'key'; id: string; value: KeyValue; dropAfter?: Date | null };

/**
 * The access ledger: every change of who may enter gets a number, gap-free and in commit order.
 *
 * A change locks the clock row first, then users, then tokens by id. That one order keeps changes from deadlocking, and the
 * clock row makes them take turns, which is also what makes "the last Admin stays" true for two requests at once.
 */
@Injectable()
export class AccessLedger {
  constructor(
    private readonly dataSource: DataSource,
    private readonly feed: AccessFeed,
    private readonly relay: OutboxRelay,
  ) {}

  /**
   * Runs `work` in one transaction that holds the clock, and tells the gateways after its commit.
   *
   * @returns what `work` returned, and the latest number: that of this change or, where it changed nothing, of the one before
   * @throws RefusedChange when `work` throws a Problem
   */
  async change<T>(work: (tx: AccessTransaction) => Promise<T>): Promise<{ result: T; position: LedgerPosition }> {
    const { tx, result } = await retryingDeadlocks(() =>
      this.dataSource.transaction(async (manager) => {
        const tx = new AccessTransaction(manager, await lockClock(manager));
        return { tx, result: await work(tx).catch((error: unknown) => refuse(error, tx)) };
      }),
    );
    this.feed.publishChange(tx.position.epoch, tx.entries);
    this.relay.nudge();
    return { result, position: tx.position };
  }

  /** The latest number that is committed. */
  async position(manager: EntityManager = this.dataSource.manager): Promise<LedgerPosition> {
    const rows = await manager.query<LedgerPosition[]>(LEDGER_POSITION_SQL);
    return rows[0]!;
  }
}

/** A transaction that changes access. */
export class AccessTransaction {
  /** All that was recorded so far, with its numbers. */
  readonly entries: AccessEntry[] = [];

  constructor(
    readonly manager: EntityManager,
    readonly position: LedgerPosition,
  ) {}

  /** Numbers these facts and makes them the latest word on what they are about. @returns the last number */
  async record(entries: readonly NewAccessEntry[]): Promise<number> {
    if (entries.length === 0) return this.position.seq;
    const first = this.position.seq + 1;
    await this.manager.query(RECORD_SQL, [
      entries.length,
      entries.map((entry) => entry.kind),
      entries.map((entry) => entry.id),
      entries.map((entry) => JSON.stringify(entry.value)),
      entries.map((entry) => entry.dropAfter ?? null),
    ]);
    for (const [i, { kind, id, value }] of entries.entries()) {
      this.entries.push({ seq: first + i, kind, id, value } as AccessEntry);
    }
    this.position.seq += entries.length;
    return this.position.seq;
  }
}

/** The transaction is rolled back, so the latest number is the one that it began with. */
function refuse(error: unknown, { position, entries }: AccessTransaction): never {
  if (!(error instanceof Problem)) throw error;
  throw new RefusedChange(error, { ...position, seq: position.seq - entries.length });
}

const ATTEMPTS_MAX = 3;

/** A usage report locks tokens too, and may meet a cascade half-way: Postgres ends one of the two, and it starts over. */
async function retryingDeadlocks<T>(transaction: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await transaction();
    } catch (error) {
      if ((error as { code?: unknown }).code !== '40P01' || attempt === ATTEMPTS_MAX) throw error;
    }
  }
}

async function lockClock(manager: EntityManager): Promise<LedgerPosition> {
  const rows = await manager.query<LedgerPosition[]>(`${LEDGER_POSITION_SQL} FOR UPDATE`);
  return rows[0]!;
}

const RECORD_SQL = `
  WITH clock AS (UPDATE access_clock SET seq = seq + $1 RETURNING seq - $1 AS base)
  INSERT INTO access_entries (kind, id, seq, value, drop_after)
  SELECT entry.kind, entry.id, clock.base + entry.n, entry.value::jsonb, entry.drop_after
  FROM clock, unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[]) WITH ORDINALITY
    AS entry (kind, id, value, drop_after, n)
  ON CONFLICT (kind, id) DO UPDATE SET seq = excluded.seq, value = excluded.value, drop_after = excluded.drop_after`;
