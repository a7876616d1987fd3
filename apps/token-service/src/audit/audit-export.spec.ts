import { text } from 'node:stream/consumers';
import type { AuditRecordDto } from '@portcullis/contracts';
import { describe, expect, it } from 'vitest';
import { exportStream, exportTypeOf } from './audit-export.js';

const record: AuditRecordDto = {
  id: 7,
  at: '2026-11-21T12:00:00.000000Z',
  actor_id: null,
  actor_user_id: '=HYPERLINK("x")',
  actor_credential: 'token/5',
  action: 'user.updated',
  target: 'user/9',
  before: { name: 'A, "B"\n' },
  after: null,
  address: '192.0.2.1',
  request_id: null,
};

async function* once(): AsyncGenerator<AuditRecordDto[]> {
  yield [record];
}

describe('the export of the audit trail', () => {
  it('writes CSV that reads back whole and that no spreadsheet takes for a formula', async () => {
    const [header, row] = (await text(exportStream(once(), 'text/csv'))).split('\r\n');
    expect(header).toBe('id,at,actor_id,actor_user_id,actor_credential,action,target,before,after,address,request_id');
    const before = String.raw`"{""name"":""A, \""B\""\n""}"`;
    expect(row).toBe(`7,${record.at},,"'=HYPERLINK(""x"")",token/5,user.updated,user/9,${before},,192.0.2.1,`);
  });

  it('writes one JSON document per line', async () => {
    expect(JSON.parse(await text(exportStream(once(), 'application/x-ndjson')))).toEqual(record);
  });

  it.each([
    ['text/csv', 'text/csv'],
    ['application/x-ndjson;q=1, text/csv', 'application/x-ndjson'],
    ['application/json, text/csv', undefined],
    ['*/*', undefined],
    [undefined, undefined],
  ])('takes Accept: %s as %s', (accept, expected) => expect(exportTypeOf(accept)).toBe(expected));
});
