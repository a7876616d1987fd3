import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Problem } from '@portcullis/contracts';
import { GROUP_COLUMNS } from '../groups/group-columns.js';
import { GROUP_TYPE, USER_TYPE } from '../schema/resource-type.js';
import { USER_COLUMNS } from '../users/user-columns.js';
import { parseFilter } from './filter-parser.js';
import { filterSql, SqlParameters } from './filter-sql.js';

function userSql(filter: string): { sql: string; values: unknown[] } {
  const parameters = new SqlParameters();
  return { sql: filterSql(parseFilter(filter, USER_TYPE), USER_COLUMNS, parameters), values: parameters.values };
}

describe('a filter as SQL', () => {
  it.each([
    ['userName eq "Ada@Example.com"', 'u.user_id = $1::text', ['ada@example.com']],
    ['userName sw "a_%\\\\"', 'u.user_id LIKE $1', ['a\\_\\%\\\\%']],
    ['externalId eq "X"', 'u.external_id = $1::text', ['X']],
    ['active ne true', 'u.active IS DISTINCT FROM $1::boolean', [true]],
    ['id eq "7"', 'u.id = $1::integer', [7]],
    ['id eq "07"', 'FALSE', []],
    ['title pr', "(u.scim_attributes ->> 'title') IS NOT NULL", []],
    ['not (title pr)', "(((u.scim_attributes ->> 'title') IS NOT NULL) IS NOT TRUE)", []],
    ['meta.created ge "2026-01-01T00:00:00Z"', 'u.created_at >= $1::timestamptz', ['2026-01-01T00:00:00Z']],
    ['active eq true or title pr and active eq false', "(u.active = $1::boolean OR ((u.scim_attributes ->> 'title') IS NOT NULL AND u.active = $2::boolean))", [true, false]], // prettier-ignore
  ])('%s', (filter, sql, values) => {
    expect(userSql(filter)).toEqual({ sql, values });
  });

  it('asks the index of addresses first, for the whole of a value path', () => {
    const { sql, values } = userSql('emails[type eq "work"].value eq "A@b.c"');
    expect(sql).toMatch(/^\(+scim_emails\(u.scim_attributes, u.email\) @> ARRAY\[lower\(\$3::text\)\] AND EXISTS \(/);
    expect(values).toEqual(['work', 'A@b.c', 'A@b.c']);
  });

  it('looks members up by their id', () => {
    const parameters = new SqlParameters();
    const sql = filterSql(parseFilter('members[value eq "5"]', GROUP_TYPE), GROUP_COLUMNS, parameters);
    expect(sql).toContain('member.user_id = $1::integer');
  });

  it('holds no text of the client’s, whatever it is', () => {
    const attribute = fc.constantFrom('userName', 'title', 'emails.value', 'name.givenName', 'externalId');
    const op = fc.constantFrom('eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le');
    const text = fc.string({ unit: 'grapheme', minLength: 1 }).map((tail) => `'§${tail}`);
    fc.assert(
      fc.property(attribute, op, text, (attribute, op, text) => {
        const { sql } = userSql(`${attribute} ${op} ${JSON.stringify(text)}`);
        expect(sql).not.toContain('§');
      }),
    );
  });
});

describe('any text as a filter', () => {
  const token = fc.constantFrom(
    'userName',
    'emails',
    'emails.value',
    'eq',
    'pr',
    'and',
    'or',
    'not',
    '(',
    ')',
    '[',
    ']',
    '"a"',
    '"',
    '\\',
    '\n',
    '.',
    'of%value',
    'true',
    '1',
  );
  const text = fc.oneof(
    fc.array(token, { maxLength: 30 }).map((tokens) => tokens.join(' ')),
    fc.string({ unit: 'binary' }),
  );

  it('becomes SQL or a problem of the client’s, and nothing else', () => {
    fc.assert(
      fc.property(text, (text) => {
        expect([undefined, 'invalidFilter']).toContain(refusalOf(text));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is refused at once where the library’s tokenizer would not come to an end', () => {
    expect(() => userSql(`userName eq "${'\n'.repeat(4_000)}`)).toThrow(Problem);
  });
});

/** undefined: it became SQL. */
function refusalOf(text: string): string | undefined {
  try {
    userSql(text);
    return undefined;
  } catch (error) {
    if (error instanceof Problem) return error.extra.scimType;
    throw error;
  }
}
