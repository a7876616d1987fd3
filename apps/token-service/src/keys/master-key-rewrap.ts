import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { Actor } from '../audit/actor.js';
import { appendAudit } from '../audit/audit-trail.js';
import { type EncryptingService, encryptingServices } from './encrypting-services.js';
import { MasterKeys } from './master-keys.js';
import { WRAPPED_KEY_TABLES, type WrappedKeyTable } from './wrapped-keys.js';

const BATCH_ROWS_MAX = 200;
const BATCHES_MAX = 10_000;
/** Any constant that nothing else locks. */
const REWRAP_LOCK = 7_267_001;

interface Row {
  id: string;
  wrapped: Buffer;
  master_key_id: string | null;
}

export interface RewrapResult {
  master_key_id: string;
  rewrapped: Record<WrappedKeyTable['table'], number>;
  /** Token-services that run and would wrap new keys with another master key. */
  others: EncryptingService[];
}

/** Wraps everything that is stored with the current master key, so that those before it can be forgotten. */
@Injectable()
export class MasterKeyRewrap {
  constructor(
    private readonly dataSource: DataSource,
    private readonly masterKeys: MasterKeys,
  ) {}

  /**
   * In small transactions, each with its audit record: killed in between, the next call goes on where this one stopped. Two at once
   * take turns. What is stored is the same key before and after, so that nobody who uses it notices.
   *
   * @throws WrongMasterKeyError for what no given master key opens; what came before it is done
   */
  async rewrap(actor: Actor): Promise<RewrapResult> {
    const rewrapped = { secrets: 0, signing_keys: 0, gateway_leases: 0 };
    for (const table of WRAPPED_KEY_TABLES) rewrapped[table.table] = await this.#rewrapTable(table, actor);
    const others = await encryptingServices(this.dataSource);
    const { currentId } = this.masterKeys;
    return { master_key_id: currentId, rewrapped, others: others.filter((other) => other.master_key_id !== currentId) };
  }

  async #rewrapTable(table: WrappedKeyTable, actor: Actor): Promise<number> {
    let total = 0;
    for (let batch = 0; batch < BATCHES_MAX; batch += 1) {
      const count = await this.dataSource.transaction((manager) => this.#rewrapBatch(manager, table, actor));
      if (count === 0) break;
      total += count;
    }
    return total;
  }

  async #rewrapBatch(manager: EntityManager, table: WrappedKeyTable, actor: Actor): Promise<number> {
    await manager.query('SELECT pg_advisory_xact_lock($1)', [REWRAP_LOCK]);
    const { currentId } = this.masterKeys;
    const rows = await manager.query<Row[]>(oldRowsSql(table), [currentId, BATCH_ROWS_MAX]);
    if (rows.length === 0) return 0;
    const opened = rows.map(({ id, wrapped, master_key_id: masterKeyId }) => {
      const label = table.label(id);
      const { secret, masterKeyId: before } = this.masterKeys.open(label, { wrapped, masterKeyId });
      return { id, before, wrapped: this.masterKeys.wrap(label, secret).wrapped };
    });
    const values = [opened.map(({ id }) => id), opened.map(({ wrapped }) => wrapped), currentId];
    await manager.query(updateSql(table), values);
    const before = { master_keys: [...new Set(opened.map((row) => row.before))] };
    const after = { [table.table]: opened.length };
    await appendAudit(manager, actor, [
      { action: 'master_key.rewrapped', target: `master_key/${currentId}`, before, after },
    ]);
    return opened.length;
  }
}

const oldRowsSql = ({ table, id, column }: WrappedKeyTable): string => `
  SELECT ${id} AS id, ${column} AS wrapped, master_key_id FROM ${table} WHERE master_key_id IS DISTINCT FROM $1
  ORDER BY ${id} LIMIT $2 FOR UPDATE`;

const updateSql = ({ table, id, column }: WrappedKeyTable): string => `
  UPDATE ${table} SET ${column} = rewrapped.key, master_key_id = $3
  FROM unnest($1::text[], $2::bytea[]) AS rewrapped (id, key) WHERE ${table}.${id} = rewrapped.id`;
