import type { EntityManager } from 'typeorm';
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
  if (records.length === 0) return;
  await manager.query(APPEND_SQL, [
    actor.userId,
    actor.user_id,
    typeof actor.credential === 'number' ? `token/${actor.credential}` : actor.credential,
    actor.address,
    actor.requestId,
    records.map((record) => record.action),
    records.map((record) => record.target),
    records.map((record) => (record.before ? JSON.stringify(record.before) : null)),
    records.map((record) => (record.after ? JSON.stringify(record.after) : null)),
  ]);
}

const APPEND_SQL = `
  INSERT INTO audit (actor_id, actor_user_id, actor_credential, address, request_id, action, target, before, after)
  SELECT $1::integer, $2::text, $3::text, $4::text, $5::text, record.action, record.target, record.before::jsonb, record.after::jsonb
  FROM unnest($6::text[], $7::text[], $8::text[], $9::text[]) WITH ORDINALITY AS record (action, target, before, after, n)
  ORDER BY record.n`;
