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
  const values = [
    rows.map(({ actor }) => actor.userId),
    rows.map(({ actor }) => actor.user_id),
    rows.map(({ actor }) => credentialOf(actor)),
    rows.map(({ actor }) => actor.address),
    rows.map(({ actor }) => actor.requestId),
    rows.map(({ record }) => record.action),
    rows.map(({ record }) => record.target),
    rows.map(({ record }) => (record.before ? JSON.stringify(record.before) : null)),
    rows.map(({ record }) => (record.after ? JSON.stringify(record.after) : null)),
  ];
  return { values, sql: insertSql };
}

function credentialOf({ credential }: Actor): string {
  return typeof credential === 'number' ? `token/${credential}` : credential;
}

const insertSql: Write['sql'] = ($) => `
  INSERT INTO audit (actor_id, actor_user_id, actor_credential, address, request_id, action, target, before, after)
  SELECT actor_id, actor_user_id, actor_credential, address, request_id, action, target, before, after
  FROM unnest(${$(1)}::integer[], ${$(2)}::text[], ${$(3)}::text[], ${$(4)}::text[], ${$(5)}::text[], ${$(6)}::text[],
    ${$(7)}::text[], ${$(8)}::jsonb[], ${$(9)}::jsonb[]) WITH ORDINALITY
    AS row (actor_id, actor_user_id, actor_credential, address, request_id, action, target, before, after, n)
  ORDER BY n`;
