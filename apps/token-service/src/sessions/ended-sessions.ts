import type { AccessEntry } from '@portcullis/contracts';
import type { Insert } from '../database/insert.js';

/**
 * Ends the sessions of everyone whom these ledger entries make inactive, as a part of the statement that writes the entries: so
 * no way of deactivating someone can leave a session behind. (Deleting a user deletes their sessions by the foreign key.)
 */
export function endedSessions(entries: readonly Pick<AccessEntry, 'kind' | 'id' | 'value'>[]): Insert | undefined {
  const userIds = entries.filter(isDeactivation).map(({ id }) => Number(id));
  if (userIds.length === 0) return undefined;
  return { values: [userIds], sql: ($) => `DELETE FROM sessions WHERE user_id = ANY(${$(1)}::integer[])` };
}

function isDeactivation({ kind, value }: Pick<AccessEntry, 'kind' | 'value'>): boolean {
  return kind === 'principal' && typeof value === 'object' && value !== null && !value.active;
}
