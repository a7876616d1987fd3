import { setImmediate } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';

/**
 * A transaction that doesn't wait for its own beginning, and that commits in the round trip of its last statement. Statements
 * that are sent without waiting for each other run in the order in which they were sent, each seeing what was committed when
 * its turn came.
 */
export class Transaction {
  readonly #runner: QueryRunner;
  readonly #client: PoolClient;
  readonly #begun: Promise<unknown>;

  private constructor(runner: QueryRunner, client: PoolClient) {
    this.#runner = runner;
    this.#client = client;
    this.#begun = client.query('BEGIN');
    this.#begun.catch(() => undefined); // whoever waits for it hears of it
    // TypeORM takes it as a transaction of its own, and opens none inside.
    (runner as { isTransactionActive: boolean }).isTransactionActive = true;
  }

  /** Takes a connection and sends the beginning. */
  static async begin(dataSource: DataSource): Promise<Transaction> {
    const runner = dataSource.createQueryRunner();
    return new Transaction(runner, (await runner.connect()) as PoolClient);
  }

  get manager(): EntityManager {
    return this.#runner.manager;
  }

  /** @throws when it could not begin: what was sent after it ran outside of it */
  async hasBegun(): Promise<void> {
    await this.#begun;
  }

  /**
   * Sends the commit behind the last statement, which may still be on its way, and right behind it a statement that looks at
   * what is committed.
   * @returns what that statement found; undefined when it failed, which changes nothing about the commit
   * @throws what the last statement threw: Postgres has then rolled back
   */
  async commit<T>(last: Promise<unknown>, look: () => Promise<T>): Promise<T | undefined> {
    await this.#assertSent(last);
    const [written, committed, seen] = await Promise.allSettled([last, this.#client.query('COMMIT'), look()]);
    if (written.status === 'rejected') throw written.reason;
    if (committed.status === 'rejected') throw committed.reason;
    if (committed.value.command !== 'COMMIT') throw new Error('The database rolled the transaction back');
    await this.#end();
    return seen.status === 'fulfilled' ? seen.value : undefined;
  }

  /** Undoes it and gives the connection back; quiet, since it follows an error that matters more. */
  async rollback(): Promise<void> {
    if (this.#runner.isReleased) return;
    await this.#client.query('ROLLBACK').catch(() => undefined);
    await this.#end();
  }

  /** A statement that can't be sent at all fails within this turn of the event loop; a commit behind it would commit without it. */
  async #assertSent(statement: Promise<unknown>): Promise<void> {
    let failure: { error: unknown } | undefined;
    statement.catch((error: unknown) => (failure = { error }));
    await setImmediate();
    if (failure) throw failure.error;
  }

  async #end(): Promise<void> {
    (this.#runner as { isTransactionActive: boolean }).isTransactionActive = false;
    await this.#runner.release();
  }
}
