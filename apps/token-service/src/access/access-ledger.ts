import { Injectable } from '@nestjs/common';
import { Problem } from '@portcullis/contracts';
import { inSpan } from '@portcullis/telemetry';
import { DataSource, type EntityManager } from 'typeorm';
import { prepared } from '../database/prepared.js';
import { Transaction } from '../database/transaction.js';
import { OutboxRelay } from '../events/outbox-relay.js';
import { AccessFeed } from './access-feed.js';
import { RefusedChange } from './access-outcome.js';
import { AccessTransaction } from './access-transaction.js';
import { type HeldLease, readHeldLeases } from './held-leases.js';
import { type CommittedPosition, LEDGER_POSITION_SQL, type LedgerPosition } from './ledger-position.js';

/** A change that is committed: what its work returned, and the latest number, its own or where it changed nothing the one before. */
export interface Change<T> {
  result: T;
  position: CommittedPosition;
}

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
   * @throws RefusedChange when `work` throws a Problem
   */
  change<T>(work: (tx: AccessTransaction) => Promise<T>): Promise<Change<T>> {
    return this.changeLocked(async () => undefined, work);
  }

  /**
   * {@link change} of something that is locked first: `lock` runs its one statement right behind the lock of the clock, without
   * a round trip of its own.
   */
  async changeLocked<L, T>(
    lock: (manager: EntityManager) => Promise<L>,
    work: (tx: AccessTransaction, locked: L) => Promise<T>,
  ): Promise<Change<T>> {
    const { tx, result, leases } = await inSpan('access change transaction', POSTGRES, async (span) => {
      const change = await retryingDeadlocks(() => this.attempt(lock, work));
      span.setAttribute('portcullis.access.seq', change.tx.position.seq);
      return change;
    });
    this.feed.publishChange(tx.position.epoch, tx.entries);
    this.relay.nudge();
    return { result, position: { ...tx.position, leases } };
  }

  private async attempt<L, T>(
    lock: (manager: EntityManager) => Promise<L>,
    work: (tx: AccessTransaction, locked: L) => Promise<T>,
  ): Promise<{ tx: AccessTransaction; result: T; leases: HeldLease[] | undefined }> {
    const transaction = await Transaction.begin(this.dataSource);
    const { manager } = transaction;
    try {
      const [begun, clock, locked] = await Promise.allSettled([
        transaction.hasBegun(),
        lockClock(manager),
        lock(manager),
      ]);
      valueOf(begun);
      const tx = new AccessTransaction(manager, valueOf(clock));
      const worked = async (): Promise<T> => work(tx, valueOf(locked));
      const result = await worked().catch((error: unknown) => refuse(error, tx));
      const leases = await transaction.commit(
        () => tx.flush(),
        () => readHeldLeases(manager),
      );
      return { tx, result, leases };
    } catch (error) {
      await transaction.rollback();
      throw error;
    }
  }

  /** The latest number that is committed. */
  async position(manager: EntityManager = this.dataSource.manager): Promise<LedgerPosition> {
    const rows = await manager.query<LedgerPosition[]>(LEDGER_POSITION_SQL);
    return rows[0]!;
  }
}

function valueOf<T>(outcome: PromiseSettledResult<T>): T {
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}

function refuse(error: unknown, tx: AccessTransaction): never {
  throw error instanceof Problem ? new RefusedChange(error, tx.positionBefore) : error;
}

const POSTGRES = { 'db.system.name': 'postgresql' };
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
  const rows = await prepared<LedgerPosition>(manager, `${LEDGER_POSITION_SQL} FOR UPDATE`, []);
  return rows[0]!;
}
