import type { EventType, RevokeReason, TokenValue } from '@portcullis/contracts';
import type { AccessTransaction, NewAccessEntry } from '../access/access-transaction.js';
import { type Actor, eventActor } from '../audit/actor.js';
import { prepared } from '../database/prepared.js';
import type { Write } from '../database/write.js';
import { eventTokenOf } from '../events/event-token.js';
import type { NewEvent } from '../events/outbox.js';
import type { TokenRow } from './token-row.js';

const DAY_MS = 86_400_000;

/** Revokes locked, active tokens: rows, ledger, events and audit trail in one transaction. */
export function revokeTokens(
  tx: AccessTransaction,
  tokens: readonly TokenRow[],
  reason: RevokeReason,
  actor: Actor,
): void {
  if (tokens.length === 0) return;
  const ids = tokens.map((token) => token.id);
  const byAdmin = tokens.map((token) => isByAdmin(token, actor));
  tx.write({ values: [ids, actor.userId, byAdmin], sql: revokeSql });
  const accessSeq = tx.record(tokens.map((token) => tokenEntry(token, 'revoked')));
  tx.emit(tokens.map((token) => revokedEvent(token, reason, actor, accessSeq)));
  tx.audit(
    actor,
    tokens.map((token) => auditOf('token.revoked', token, { status: 'Revoked', reason })),
  );
}

/** An Admin revokes what its owner has revoked already: nothing opens or shuts by that, but only an Admin restores it from then on. */
export function confirmRevoked(tx: AccessTransaction, token: TokenRow, actor: Actor): void {
  if (token.revoked_by_admin || !isByAdmin(token, actor)) return;
  tx.write({ values: [token.id, actor.userId], sql: confirmSql });
  tx.audit(actor, [auditOf('token.revoked', token, { status: 'Revoked', reason: 'requested' })]);
}

function isByAdmin(token: TokenRow, actor: Actor): boolean {
  return actor.role === 'Admin' && token.owner_id !== actor.userId;
}

/** Restores a locked, revoked token. */
export function restoreToken(tx: AccessTransaction, token: TokenRow, actor: Actor): void {
  tx.write({ values: [token.id], sql: restoreSql });
  // Nobody needs to hear for ever that a token is what it would be without an entry.
  const accessSeq = tx.record([{ ...tokenEntry(token, 'active'), dropAfter: new Date(Date.now() + DAY_MS) }]);
  tx.emit([tokenEvent('TokenRestored', token, actor, accessSeq)]);
  tx.audit(actor, [auditOf('token.restored', token, { status: 'Active' })]);
}

/** Deletes locked tokens that are revoked or expired. Their entries stay: the tokens themselves are still out there. */
export async function deleteTokens(tx: AccessTransaction, tokens: readonly TokenRow[], actor: Actor): Promise<void> {
  if (tokens.length === 0) return;
  await prepared(tx.manager, DELETE_SQL, [tokens.map((token) => token.id)]);
  const accessSeq = tx.record(tokens.map((token) => tokenEntry(token, 'deleted')));
  tx.emit(tokens.map((token) => tokenEvent('TokenDeleted', token, actor, accessSeq)));
  tx.audit(
    actor,
    tokens.map((token) => auditOf('token.deleted', token)),
  );
}

/**
 * An entry about a token may go a day after the token's own time: no gateway's clock is that far off. And a day after it was made,
 * whatever that time is: gateways that are a little behind need no snapshot then.
 */
function tokenEntry({ id, expires_at }: TokenRow, value: TokenValue): NewAccessEntry {
  const dropAfter = expires_at && new Date(Math.max(expires_at.getTime(), Date.now()) + DAY_MS);
  return { kind: 'token', id: String(id), value, dropAfter };
}

function tokenEvent(
  type: EventType & ('TokenRestored' | 'TokenDeleted'),
  token: TokenRow,
  actor: Actor,
  accessSeq: number,
): NewEvent {
  return {
    type,
    subject: `token/${token.id}`,
    accessSeq,
    data: { token: eventTokenOf(token), actor: eventActor(actor) },
  };
}

function revokedEvent(token: TokenRow, reason: RevokeReason, actor: Actor, accessSeq: number): NewEvent {
  const data = { token: eventTokenOf(token), actor: eventActor(actor), reason };
  return { type: 'TokenRevoked', subject: `token/${token.id}`, accessSeq, data };
}

function auditOf(
  action: string,
  token: TokenRow,
  after?: object,
): { action: string; target: string; before: object; after?: object } {
  const before = { ...eventTokenOf(token), status: token.status };
  return { action, target: `token/${token.id}`, before, ...(after && { after }) };
}

const revokeSql: Write['sql'] = ($) => `
  UPDATE tokens SET revoked_at = now(), revoked_by_id = ${$(2)}::integer, revoked_by_admin = revoked.by_admin
  FROM unnest(${$(1)}::bigint[], ${$(3)}::boolean[]) AS revoked (id, by_admin)
  WHERE tokens.id = revoked.id`;
const confirmSql: Write['sql'] = ($) =>
  `UPDATE tokens SET revoked_by_admin = true, revoked_by_id = ${$(2)}::integer WHERE id = ${$(1)}::bigint`;
const restoreSql: Write['sql'] = ($) =>
  `UPDATE tokens SET revoked_at = NULL, revoked_by_id = NULL, revoked_by_admin = false WHERE id = ${$(1)}::bigint`;
const DELETE_SQL = 'DELETE FROM tokens WHERE id = ANY($1)';
