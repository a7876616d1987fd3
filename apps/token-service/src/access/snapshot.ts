import { Injectable } from '@nestjs/common';
import type { AccessEntryKind, SnapshotEnd, SnapshotHeader } from '@portcullis/contracts';
import { DataSource } from 'typeorm';
import { AccessLedger } from './access-ledger.js';

const PAGE_ENTRIES = 5_000;
const KINDS: readonly AccessEntryKind[] = ['key', 'principal', 'token'];

/** The whole ledger at one number, for a gateway that starts or has fallen too far behind. */
@Injectable()
export class AccessSnapshot {
  constructor(
    private readonly dataSource: DataSource,
    private readonly ledger: AccessLedger,
  ) {}

  /**
   * The lines of the snapshot (NDJSON): its header, pages of entries, and an end that tells a whole one from one cut off.
   * One read-only transaction: all of it is true at the header's `seq`. Postgres builds the pages; nothing is parsed here.
   */
  async *lines(): AsyncGenerator<string> {
    const runner = this.dataSource.createQueryRunner();
    try {
      await runner.startTransaction('REPEATABLE READ');
      await runner.query(`SET LOCAL idle_in_transaction_session_timeout = '30s'`);
      // Pages are read in the order of the primary key. Right after many changes the planner would sort all of it for each page.
      await runner.query('SET LOCAL enable_sort = off; SET LOCAL enable_seqscan = off');
      const header: SnapshotHeader = await this.ledger.position(runner.manager);
      yield `${JSON.stringify(header)}\n`;
      let total = 0;
      for (const kind of KINDS) {
        for (let after: string | null = '', page; after !== null; after = page.last) {
          page = await readPage(kind, after, (sql, values) => runner.query(sql, values));
          total += page.count;
          if (page.count > 0) yield `{"kind":"${kind}","entries":${page.entries}}\n`;
        }
      }
      yield `${JSON.stringify({ end: true, count: total } satisfies SnapshotEnd)}\n`;
      await runner.commitTransaction();
    } finally {
      if (runner.isTransactionActive) await runner.rollbackTransaction();
      await runner.release();
    }
  }
}

interface PageRow {
  count: number;
  entries: string | null;
  last: string | null;
}

type Query = (sql: string, values: unknown[]) => Promise<PageRow[]>;

async function readPage(kind: AccessEntryKind, after: string, query: Query): Promise<PageRow> {
  const [row] = await query(PAGE_SQL, [kind, after, PAGE_ENTRIES]);
  return row!;
}

// A restored token ("active") is like one without an entry: a snapshot leaves it out.
const PAGE_SQL = `
  SELECT count(*) FILTER (WHERE value <> '"active"') AS count,
    (json_agg(json_build_array(id, value)) FILTER (WHERE value <> '"active"'))::text AS entries,
    max(id) AS last
  FROM (SELECT id, value FROM access_entries WHERE kind = $1 AND id > $2 ORDER BY id LIMIT $3) page`;
