import { Injectable } from '@nestjs/common';
import type { ListAllTokensQuery, Page, TokenDto, TokenSort } from '@portcullis/contracts';
import { DataSource } from 'typeorm';
import { containing } from '../database/like-pattern.js';
import { STATUS_SQL, TOKEN_COLUMNS_SQL, tokenDto, type TokenRow } from './token-row.js';

/** What a sort is called in the API, the expression behind it, and what it needs to be joined. */
const SORTS: Record<string, { expression: string; join?: string }> = {
  id: { expression: 't.id' },
  name: { expression: 't.name' },
  user: { expression: 'u.name', join: 'JOIN users u ON u.id = t.user_id' },
  status: { expression: STATUS_SQL },
  created_at: { expression: 't.created_at' },
  expiration: { expression: 't.expires_at' },
  last_used: { expression: 'used.last_used', join: 'LEFT JOIN token_last_used used ON used.token_id = t.id' },
};

/** Reads tokens, many at a time. */
@Injectable()
export class TokenList {
  constructor(private readonly dataSource: DataSource) {}

  async page(query: ListAllTokensQuery): Promise<Page<TokenDto>> {
    const { page, size } = query;
    const { where, values } = conditions(query);
    const [rows, [counted]] = await Promise.all([
      this.dataSource.query<TokenRow[]>(pageSql(where, query.sort, values.length), [
        ...values,
        size,
        (page - 1) * size,
      ]),
      this.dataSource.query<{ total: number }[]>(`SELECT count(*) AS total FROM tokens t ${where}`, values),
    ]);
    return { items: rows.map(tokenDto), total: counted!.total, page, size };
  }
}

/** The page is found by its ids first, so that nothing is joined and shown that isn't on it. */
function pageSql(where: string, sort: TokenSort, valueCount: number): string {
  const descending = sort.startsWith('-');
  const { expression, join = '' } = SORTS[descending ? sort.slice(1) : sort]!;
  // The id decides between equals, so that pages don't overlap. Tokens without a value come last.
  const order = `sort_value ${descending ? 'DESC' : 'ASC'} NULLS LAST, id DESC`;
  return `
    SELECT ${TOKEN_COLUMNS_SQL}, used.last_used
    FROM (
      SELECT t.id, ${expression} AS sort_value FROM tokens t ${join} ${where}
      ORDER BY ${order} LIMIT $${valueCount + 1} OFFSET $${valueCount + 2}
    ) page
    JOIN tokens t ON t.id = page.id
    JOIN users u ON u.id = t.user_id
    LEFT JOIN token_last_used used ON used.token_id = t.id
    ORDER BY page.sort_value ${descending ? 'DESC' : 'ASC'} NULLS LAST, t.id DESC`;
}

function conditions({ user_id, type, status, scim, q }: ListAllTokensQuery): { where: string; values: unknown[] } {
  const values: unknown[] = [];
  const conditions: string[] = [];
  const add = (value: unknown, condition: (parameter: string) => string): void => {
    if (value === undefined) return;
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  add(user_id, (p) => `t.user_id = ${p}`);
  add(type, (p) => `t.type = ${p}`);
  add(scim, (p) => `t.scim = ${p}`);
  add(status, (p) => `${STATUS_SQL} = ${p}`);
  add(q && containing(q), nameOrUserContains);
  return { where: conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : '', values };
}

/** @param p the parameter with the pattern */
function nameOrUserContains(p: string): string {
  const users = `SELECT id FROM users WHERE name ILIKE ${p} OR user_id ILIKE ${p}`;
  return `(t.folded_name LIKE lower(${p}) COLLATE "C" OR t.user_id = ANY (ARRAY(${users})))`;
}
