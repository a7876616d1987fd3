import { Injectable } from '@nestjs/common';
import { AUDIT_COUNTED_MAX, type AuditQuery, type AuditRecordDto, type Page } from '@portcullis/contracts';
import { DataSource } from 'typeorm';

const EXPORT_BATCH_ROWS = 1_000;

/** Reads the audit trail, the newest first. */
@Injectable()
export class AuditList {
  constructor(private readonly dataSource: DataSource) {}

  async page(query: AuditQuery): Promise<Page<AuditRecordDto>> {
    const { where, values } = filterOf(query);
    const { page, size } = query;
    const [items, [counted]] = await Promise.all([
      this.dataSource.query<AuditRecordDto[]>(
        `${SELECT_SQL} WHERE ${where} ORDER BY id DESC LIMIT ${size} OFFSET ${(page - 1) * size}`,
        values,
      ),
      this.dataSource.query<{ total: number }[]>(
        `SELECT count(*) AS total FROM (SELECT FROM audit WHERE ${where} LIMIT ${AUDIT_COUNTED_MAX}) counted`,
        values,
      ),
    ]);
    return { items, total: counted!.total, page, size };
  }

  /**
   * All that a query finds, batch by batch: memory and time of one statement don't depend on how much it is, and no connection is
   * held while the reader takes its time. What is written meanwhile is not in it.
   */
  async *all(query: AuditQuery): AsyncGenerator<AuditRecordDto[]> {
    const { where, values } = filterOf(query);
    const sql = `${SELECT_SQL} WHERE ${where} AND id < $${values.length + 1} ORDER BY id DESC LIMIT ${EXPORT_BATCH_ROWS}`;
    for (let before = Number.MAX_SAFE_INTEGER; ;) {
      const batch = await this.dataSource.query<AuditRecordDto[]>(sql, [...values, before]);
      if (batch.length > 0) yield batch;
      if (batch.length < EXPORT_BATCH_ROWS) return;
      before = batch.at(-1)!.id;
    }
  }
}

interface Filter {
  where: string;
  values: unknown[];
}

/** Only the conditions that are given, so that Postgres plans for the index that fits. */
function filterOf({ actor, action, target, from, to, address, request_id }: AuditQuery): Filter {
  const values: unknown[] = [];
  const conditions = ['true'];
  const given = (value: unknown, condition: (parameter: string) => string): void => {
    if (value !== undefined) conditions.push(condition(`$${values.push(value)}`));
  };
  if (actor !== undefined && isUserNumber(actor)) given(Number(actor), (p) => `actor_id = ${p}`);
  else given(actor, (p) => `actor_user_id = ${p}`);
  if (action?.endsWith('*')) given(`${action.slice(0, -1)}%`, (p) => `action COLLATE "C" LIKE ${p}`);
  else given(action, (p) => `action COLLATE "C" = ${p}`);
  given(target, (p) => `target = ${p}`);
  given(from, (p) => `at >= ${p}`);
  given(to, (p) => `at < ${p}`);
  given(address, (p) => `address = ${p}`);
  given(request_id, (p) => `request_id = ${p}`);
  return { where: conditions.join(' AND '), values };
}

const isUserNumber = (text: string): boolean => /^\d{1,10}$/.test(text) && Number(text) <= 2_147_483_647;

const SELECT_SQL = `
  SELECT id, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at, actor_id, actor_user_id, actor_credential,
    action, target, before, after, address, request_id
  FROM audit`;
