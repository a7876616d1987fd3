import { Injectable } from '@nestjs/common';
import type { ListAllTokensQuery, Page, TokenDto, TokenSort } from '@portcullis/contracts';
import { DataSource } from 'typeorm';
import { containing } from '../database/like-pattern.js';
import { STATUS_SQL, TOKEN_COLUMNS_SQL, tokenDto, type TokenRow } from './token-row.js';

const FROM_SQL = `FROM tokens t JOIN users u ON u.id = t.user_id LEFT JOIN token_last_used used ON used.token_id = t.id`;

/** What a sort is called in the API, and the column behind it. */
const SORT_COLUMNS: Record<string, string> = {
  id: 't.id',
  name: 't.name',
  created_at: 't.created_at',
  expiration: 't.expires_at',
  last_used: 'used.last_used',
};

/** Reads tokens, many at a time. */
@Injectable()
export class TokenList {
  constructor(private readonly dataSource: DataSource) {}

  async page(query: ListAllTokensQuery): Promise<Page<TokenDto>> {
    const { page, size } = query;
    const { where, values } = conditions(query);
    const rows = await this.dataSource.query<TokenRow[]>(
      `SELECT ${TOKEN_COLUMNS_SQL}, used.last_used ${FROM_SQL} ${where} ORDER BY ${orderBy(query.sort)}
       LIMIT $${values.length + 1} OFFSET $${values.length + 2}`,
      [...values, size, (page - 1) * size],
    );
    const counted = await this.dataSource.query<{ total: number }[]>(
      `SELECT count(*) AS total FROM tokens t JOIN users u ON u.id = t.user_id ${where}`,
      values,
    );
    return { items: rows.map(tokenDto), total: counted[0]!.total, page, size };
  }
}

function conditions({ user_id, type, status, q }: ListAllTokensQuery): { where: string; values: unknown[] } {
  const values: unknown[] = [];
  const conditions: string[] = [];
  const add = (value: unknown, condition: (parameter: string) => string): void => {
    if (value === undefined) return;
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  add(user_id, (p) => `t.user_id = ${p}`);
  add(type, (p) => `t.type = ${p}`);
  add(status, (p) => `${STATUS_SQL} = ${p}`);
  add(q && containing(q), (p) => `(t.name ILIKE ${p} OR u.name ILIKE ${p} OR u.user_id ILIKE ${p})`);
  return { where: conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : '', values };
}

/** The id decides between equals, so that pages don't overlap. Tokens without a value come last. */
function orderBy(sort: TokenSort): string {
  const descending = sort.startsWith('-');
  const column = SORT_COLUMNS[descending ? sort.slice(1) : sort];
  return `${column} ${descending ? 'DESC' : 'ASC'} NULLS LAST, t.id DESC`;
}
