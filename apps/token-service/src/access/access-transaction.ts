import type { AccessEntry, KeyValue, PrincipalValue, TokenValue } from '@portcullis/contracts';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../audit/actor.js';
import { type AuditRecord, auditInsert } from '../audit/audit-trail.js';
import { type Write, writeAll } from '../database/write.js';
import { type NewEvent, outboxInsert } from '../events/outbox.js';
import { endedSessions } from '../sessions/ended-sessions.js';
import type { LedgerPosition } from './ledger-position.js';

/** A fact that has no number yet. `dropAfter`: when the entry may be forgotten, because nothing could use it any more. */
export type NewAccessEntry =
  | { kind: 'token'; id: string; value: TokenValue; dropAfter?: Date | null }
  | { kind: 'principal'; id: string; value: PrincipalValue | null; dropAfter?: Date | null }
  | { kind: 'key'; id: string; value: KeyValue; dropAfter?: Date | null }
  | { kind: 'void_tokens'; id: string; value: 'deleted'; dropAfter?: Date | null };

type NumberedEntry = AccessEntry & Pick<NewAccessEntry, 'dropAfter'>;

/**
 * A transaction that changes access, and holds the clock row. What it leaves behind for others (ledger entries, events, audit
 * records) is gathered and written in one statement at its end.
 */
export class AccessTransaction {
  readonly #before: number;
  readonly #writes: Write[] = [];
  readonly #entries: NumberedEntry[] = [];
  readonly #events: NewEvent[] = [];
  readonly #audit: { actor: Actor; record: AuditRecord }[] = [];

  constructor(
    readonly manager: EntityManager,
    readonly position: LedgerPosition,
  ) {
    this.#before = position.seq;
  }

  /** The numbers that the ledger had before: those of a transaction that is rolled back. */
  get positionBefore(): LedgerPosition {
    return { ...this.position, seq: this.#before };
  }

  /** What it changed, by number. */
  get entries(): AccessEntry[] {
    return this.#entries.map(({ seq, kind, id, value }) => ({ seq, kind, id, value }) as AccessEntry);
  }

  /** Changes rows that this transaction has locked and doesn't read again. */
  write(write: Write): void {
    this.#writes.push(write);
  }

  /** Numbers these facts and makes them the latest word on what they are about. @returns the last number */
  record(entries: readonly NewAccessEntry[]): number {
    for (const entry of entries) this.#entries.push({ ...entry, seq: ++this.position.seq });
    return this.position.seq;
  }

  /** Hold the lock of the token's or user's row: it is what puts their events in the order of commits. */
  emit(events: readonly NewEvent[]): void {
    this.#events.push(...events);
  }

  audit(actor: Actor, records: readonly AuditRecord[]): void {
    this.#audit.push(...records.map((record) => ({ actor, record })));
  }

  /** Writes everything that was gathered. */
  async flush(): Promise<void> {
    await writeAll(this.manager, [
      ...this.#writes,
      ...this.#ledgerWrites(),
      outboxInsert(this.#events),
      auditInsert(this.#audit),
    ]);
  }

  #ledgerWrites(): Write[] {
    if (this.#entries.length === 0) return [];
    // One transaction may say two things of a token (revoked, then deleted): the ledger keeps the latest.
    const latest = [...new Map(this.#entries.map((entry) => [`${entry.kind} ${entry.id}`, entry])).values()];
    return [
      ...[endedSessions(latest) ?? []].flat(),
      { values: [this.position.seq], sql: ($) => `UPDATE access_clock SET seq = ${$(1)}` },
      {
        values: [JSON.stringify(latest.map(({ dropAfter, ...entry }) => ({ ...entry, drop_after: dropAfter })))],
        sql: ($) => `
          INSERT INTO access_entries (kind, id, seq, value, drop_after)
          SELECT kind, id, seq, coalesce(value, 'null'), drop_after FROM json_to_recordset(${$(1)}::json)
            AS entry (kind text, id text, seq bigint, value jsonb, drop_after timestamptz)
          ON CONFLICT (kind, id) DO UPDATE
            SET seq = excluded.seq, value = excluded.value, drop_after = excluded.drop_after`,
      },
    ];
  }
}
