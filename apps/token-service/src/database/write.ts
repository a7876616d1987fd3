import type { EntityManager } from 'typeorm';
import { prepared } from './prepared.js';

/** An insert, update or delete with its values; `sql` is told how its own parameters are called. */
export interface Write {
  values: readonly unknown[];
  sql: (parameter: (n: number) => string) => string;
}

/** Runs several writes as one statement, none of which sees another's; a transaction waits for one round trip then. */
export async function writeAll(manager: EntityManager, writes: readonly (Write | undefined)[]): Promise<void> {
  const [values, parts]: [unknown[], string[]] = [[], []];
  for (const write of writes) {
    if (!write) continue;
    const offset = values.length;
    values.push(...write.values);
    parts.push(`part_${parts.length} AS (${write.sql((n) => `$${offset + n}`)})`);
  }
  if (parts.length > 0) await prepared(manager, `WITH ${parts.join(', ')} SELECT`, values);
}
