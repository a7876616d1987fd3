import { DataSource } from 'typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Services, startServices } from '../events/testing/services.js';
import { dataSourceOptions } from './data-source.js';
import { isDatabaseUnavailable } from './database-errors.js';
import { prepared } from './prepared.js';
import { Transaction } from './transaction.js';

const TEST_TIMEOUT_MS = 60_000;

let services: Services;
let dataSource: DataSource;

beforeAll(async () => {
  services = await startServices();
  dataSource = await new DataSource(dataSourceOptions(services.postgres.url, 2)).initialize();
  await dataSource.query('CREATE TABLE written (n integer PRIMARY KEY)');
}, TEST_TIMEOUT_MS);
afterAll(async () => {
  await dataSource.destroy();
  await services.stop();
}, TEST_TIMEOUT_MS);
beforeEach(() => dataSource.query('TRUNCATE written'));

const written = async (): Promise<number[]> =>
  (await dataSource.query<{ n: number }[]>('SELECT n FROM written ORDER BY n')).map(({ n }) => n);

describe('a transaction that commits in the round trip of its last statement', () => {
  it('looks at what is committed, from outside of it', async () => {
    const transaction = await Transaction.begin(dataSource);
    const last = () => prepared(transaction.manager, 'INSERT INTO written VALUES ($1)', [1]);
    const seen = await transaction.commit(last, () =>
      prepared(transaction.manager, 'SELECT n, pg_current_xact_id_if_assigned() AS xid FROM written', []),
    );
    expect(seen).toEqual([{ n: 1, xid: null }]);
    expect(await written()).toEqual([1]);
  });

  it('keeps nothing when the database refuses the last statement', async () => {
    const transaction = await Transaction.begin(dataSource);
    await prepared(transaction.manager, 'INSERT INTO written VALUES ($1)', [1]);
    const last = () => prepared(transaction.manager, 'INSERT INTO written VALUES ($1)', [1]);
    await expect(transaction.commit(last, async () => undefined)).rejects.toThrow(/duplicate key/);
    await transaction.rollback();
    expect(await written()).toEqual([]);
  });

  it('keeps nothing when the last statement could not be sent at all', async () => {
    const transaction = await Transaction.begin(dataSource);
    await prepared(transaction.manager, 'INSERT INTO written VALUES ($1)', [1]);
    const circular: { self?: object } = {};
    circular.self = circular;
    const last = () =>
      prepared(transaction.manager, 'INSERT INTO written SELECT 2 WHERE $1::json IS NOT NULL', [circular]);
    await expect(transaction.commit(last, async () => undefined)).rejects.toThrow(/circular/i);
    await transaction.rollback();
    expect(await written()).toEqual([]);
  });

  it('keeps nothing when work fails, and gives its connection back', async () => {
    for (let n = 1; n <= 5; n++) {
      const transaction = await Transaction.begin(dataSource);
      await prepared(transaction.manager, 'INSERT INTO written VALUES ($1)', [n]);
      await transaction.rollback();
    }
    expect(await written()).toEqual([]);
  });

  it('is committed even when the look after it fails', async () => {
    const transaction = await Transaction.begin(dataSource);
    const last = () => prepared(transaction.manager, 'INSERT INTO written VALUES ($1)', [7]);
    const seen = await transaction.commit(last, () => prepared(transaction.manager, 'SELECT 1 / 0', []));
    expect(seen).toBeUndefined();
    expect(await written()).toEqual([7]);
  });

  it('says so when its connection is lost, and the next one works', async () => {
    const transaction = await Transaction.begin(dataSource);
    const [backend] = await prepared<{ pid: number }>(transaction.manager, 'SELECT pg_backend_pid() AS pid', []);
    await services.dataSource.query('SELECT pg_terminate_backend($1)', [backend!.pid]);
    const last = () => prepared(transaction.manager, 'INSERT INTO written VALUES ($1)', [1]);
    await expect(transaction.commit(last, async () => undefined)).rejects.toSatisfy(isDatabaseUnavailable);
    await transaction.rollback();
    expect(await written()).toEqual([]);
  });
});
