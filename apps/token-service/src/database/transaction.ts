import type { Duplex } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { PoolClient, QueryResult } from 'pg';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';

/**
 * A transaction that doesn't wait for its own beginning, and that commits in the round trip of its last statement. Statements
 * that are sent without waiting for each other run in the order in which they were sent, each seeing what was committed when
 * its turn came. They leave in one write: each of its own is a system call, and wakes Postgres once more.
 */
export class Transaction {
  readonly #runner: QueryRunner;
  readonly #client: PoolClient;
  readonly #begun: Promise<unknown>;

  private constructor(runner: QueryRunner, client: PoolClient) {
    this.#runner = runner;
    this.#client = client;
    const uncork = this.#cork();
    this.#begun = client.query('BEGIN');
    process.nextTick(uncork); // behind what the caller sends along
    this.#begun.catch(() => undefined); // whoever waits for it hears of it
    // TypeORM takes it as a transaction of its own, and opens none inside.
    (runner as { isTransactionActive: boolean }).isTransactionActive = true;
  }

  /** Takes a connection and sends the beginning, together with what the caller sends before it waits for anything else. */
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
   * Sends the last statement, the commit, and right behind it a statement that looks at what is committed.
   * @returns what that statement found; undefined when it failed, which changes nothing about the commit
   * @throws what the last statement threw: Postgres has then rolled back
   */
  async commit<T>(last: () => Promise<unknown>, look: () => Promise<T>): Promise<T | undefined> {
    const [written, committed, seen] = await this.#sendCommit(last, look);
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

  /** All of it in one write: Postgres has the commit at hand when it is done with the last statement. */
  async #sendCommit<T>(
    last: () => Promise<unknown>,
    look: () => Promise<T>,
  ): Promise<[PromiseSettledResult<unknown>, PromiseSettledResult<QueryResult>, PromiseSettledResult<T>]> {
    const uncork = this.#cork();
    try {
      const written = last();
      await assertSent(written);
      return Promise.allSettled([written, this.#client.query('COMMIT'), look()]);
    } finally {
      uncork();
    }
  }

  /** Holds what is sent back. @returns what lets it go */
  #cork(): () => void {
    const { stream } = (this.#client as unknown as { connection: { stream: Duplex } }).connection;
    stream.cork();
    return () => stream.uncork();
  }

  async #end(): Promise<void> {
    (this.#runner as { isTransactionActive: boolean }).isTransactionActive = false;
    await this.#runner.release();
  }
}

/** A statement that can't be sent at all fails within this turn of the event loop; a commit behind it would commit without it. */
async function assertSent(statement: Promise<unknown>): Promise<void> {
  let failure: { error: unknown } | undefined;
  statement.catch((error: unknown) => (failure = { error }));
  await setImmediate();
  if (failure) throw failure.error;
}
