import type { EntityManager } from 'typeorm';
import { type Write, writeAll } from '../database/write.js';
import type { Actor } from './actor.js';

export interface AuditRecord {
  /** `token.issued`, `user.updated`, … */
  action: string;
  /** `token/456`, `user/123`, `team/7` */
  target: string;
  before?: object;
  after?: object;
}

/** Writes what was done into the audit trail, in the transaction that does it. Never pass a token, a hash or a password. */
export async function appendAudit(
  manager: EntityManager,
  actor: Actor,
  records: readonly AuditRecord[],
): Promise<void> {
  await writeAll(manager, [auditInsert(records.map((record) => ({ actor, record })))]);
}

/** The same as a part of a statement that writes other things too; nothing when there are no records. */
export function auditInsert(rows: readonly { actor: Actor; record: AuditRecord }[]): Write | undefined {
  if (rows.length === 0) return undefined;
  const records = rows.map(({ actor, record }) => ({
    actor_id: actor.userId,
    actor_user_id: actor.user_id,
    actor_credential: credentialOf(actor),
    address: actor.address,
    request_id: actor.requestId,
    ...record,
  }));
  return { values: [JSON.stringify(records)], sql: insertSql };
}

function credentialOf({ credential }: Actor): string {
  return typeof credential === 'number' ? `token/${credential}` : credential;
}

const COLUMNS_SQL = 'actor_id, actor_user_id, actor_credential, address, request_id, action, target, before, after';

const insertSql: Write['sql'] = ($) => `
  INSERT INTO audit (${COLUMNS_SQL})
  SELECT ${COLUMNS_SQL} FROM ROWS FROM (json_to_recordset(${$(1)}::json) AS (actor_id integer, actor_user_id text,
    actor_credential text, address text, request_id text, action text, target text, before jsonb, after jsonb))
    WITH ORDINALITY AS row (${COLUMNS_SQL}, n)
  ORDER BY n`;
