import { createHash } from 'node:crypto';
import type { DataSource, EntityManager } from 'typeorm';
import type { Pool, PoolClient } from 'pg';

/** Statements are written in this code, so there are few; beyond this something makes them up as it goes. */
const NAMES_MAX = 500;
const names = new Map<string, string>();

/**
 * Runs a statement that Postgres parses and plans once per connection, which for the short ones on the path of a revocation is
 * most of the work. TypeORM can't name statements, so this goes to its connection.
 *
 * @param source of a transaction, or the data source for a statement of its own
 */
export async function prepared<Row>(
  source: EntityManager | DataSource,
  text: string,
  values: unknown[],
): Promise<Row[]> {
  // Sent before this function returns, so that statements reach the database in the order of the calls.
  const connection = transactionOf(source) ?? poolOf(source);
  const { rows } = await connection.query({ name: nameOf(text), text, values });
  return rows as Row[];
}

function transactionOf(source: EntityManager | DataSource): PoolClient | undefined {
  if (!('queryRunner' in source) || !source.queryRunner) return undefined;
  const { databaseConnection } = source.queryRunner as unknown as { databaseConnection?: PoolClient };
  if (!databaseConnection) throw new Error('This transaction has no connection yet');
  return databaseConnection;
}

/** TypeORM's pool, which it shows nobody. */
export function poolOf(source: EntityManager | DataSource): Pool {
  const { driver } = 'driver' in source ? source : source.dataSource;
  return (driver as unknown as { master: Pool }).master;
}

/** For {@link prepared} and for pools that are not TypeORM's: the name of a statement is that of its text. */
export function nameOf(text: string): string {
  const known = names.get(text);
  if (known) return known;
  if (names.size >= NAMES_MAX) throw new Error('too many different prepared statements');
  const name = `portcullis_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
  names.set(text, name);
  return name;
}
