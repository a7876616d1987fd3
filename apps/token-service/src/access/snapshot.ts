import { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { type AccessEntryKind, Problem, type SnapshotEnd, type SnapshotHeader } from '@portcullis/contracts';
import { DataSource, type QueryRunner } from 'typeorm';
import { prepared } from '../database/prepared.js';
import { AccessLedger } from './access-ledger.js';

const PAGE_TOKENS = 10_000;
/** Someone may be in a thousand teams. */
const PAGE_FACTS = 2_000;
/** About; far below what a gateway takes (`SNAPSHOT_LINE_BYTES_MAX`), since the last fact of a line may be a large one. */
const LINE_BYTES = 1024 * 1024;
/** Each holds a database connection for as long as its gateway reads; the others are for the API. */
const SNAPSHOTS_MAX = 10;
const BUSY = new Problem(503, 'busy', 'Too many snapshots are being taken at the moment; try again', {
  headers: { 'Retry-After': '1' },
});
const KINDS: readonly AccessEntryKind[] = ['key', 'principal', 'void_tokens', 'token'];

/** The whole ledger at one number, for a gateway that starts or has fallen too far behind. */
@Injectable()
export class AccessSnapshot {
  #underWay = 0;

  constructor(
    private readonly dataSource: DataSource,
    private readonly ledger: AccessLedger,
  ) {}

  /** The snapshot as a stream, which whoever takes it has to read or to destroy. @throws Problem 503 `busy` */
  open(): Readable {
    if (this.#underWay >= SNAPSHOTS_MAX) throw BUSY;
    this.#underWay += 1;
    return Readable.from(this.lines()).once('close', () => void (this.#underWay -= 1));
  }

  /**
   * The lines of the snapshot (NDJSON): its header, pages of entries, and an end that tells a whole one from one cut off.
   * One read-only transaction: all of it is true at the header's `seq`. Postgres builds the pages; nothing is parsed here.
   */
  private async *lines(): AsyncGenerator<string> {
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
          page = await readPage(runner, kind, after);
          total += page.count;
          for (const line of page.lines) yield `${line}\n`;
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
  /** How many facts are in the lines. */
  count: number;
  lines: string[];
  /** Where the next page begins; null: this was the last. */
  last: string | null;
}

async function readPage(runner: QueryRunner, kind: AccessEntryKind, after: string): Promise<PageRow> {
  const [row] = await (kind === 'token'
    ? prepared<PageRow>(runner.manager, TOKENS_SQL, [after, PAGE_TOKENS])
    : prepared<PageRow>(runner.manager, FACTS_SQL, [after, PAGE_FACTS, kind, LINE_BYTES]));
  return row!;
}

const FACTS_SQL = `
  WITH page AS MATERIALIZED (
    SELECT id, value FROM access_entries WHERE kind = $3 AND id > $1 ORDER BY id LIMIT $2
  ), measured AS (
    SELECT id, value, sum(octet_length(value::text) + 40) OVER (ORDER BY id) / $4::integer AS part FROM page
  ), parts AS (
    SELECT json_build_object('kind', $3::text, 'entries', json_agg(json_build_array(id, value)))::text AS line
    FROM measured GROUP BY part
  )
  SELECT (SELECT count(*) FROM page) AS count, ARRAY(SELECT line FROM parts) AS lines, (SELECT max(id) FROM page) AS last`;

// Of tokens there are many and they have few states, so a page is the numbers of those in each. A restored one ("active") is like
// one without an entry, and left out.
const TOKENS_SQL = `
  WITH page AS MATERIALIZED (
    SELECT id, value #>> '{}' AS state FROM access_entries WHERE kind = 'token' AND id > $1 ORDER BY id LIMIT $2
  ), states AS (
    SELECT count(*), json_build_object('kind', 'token', 'state', state, 'ids', json_agg(id::bigint))::text AS line
    FROM page WHERE state <> 'active' GROUP BY state
  )
  SELECT (SELECT coalesce(sum(count), 0)::bigint FROM states) AS count, ARRAY(SELECT line FROM states) AS lines,
    (SELECT max(id) FROM page) AS last`;
