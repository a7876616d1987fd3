import type { EntityManager } from 'typeorm';
import { prepared } from './prepared.js';

/** A statement with its values; `sql` is told how its own parameters are called. */
export interface Insert {
  values: readonly unknown[];
  sql: (parameter: (n: number) => string) => string;
}

/** Runs several inserts as one statement, so that a transaction waits for one round trip and not for each of them. */
export async function insertAll(manager: EntityManager, inserts: readonly (Insert | undefined)[]): Promise<void> {
  const [values, parts]: [unknown[], string[]] = [[], []];
  for (const insert of inserts) {
    if (!insert) continue;
    const offset = values.length;
    values.push(...insert.values);
    parts.push(`part_${parts.length} AS (${insert.sql((n) => `$${offset + n}`)})`);
  }
  if (parts.length > 0) await prepared(manager, `WITH ${parts.join(', ')} SELECT`, values);
}
