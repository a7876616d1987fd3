import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeServiceToken, makeServiceUser, makeToken, uniqueName } from './harness/fixtures.ts';
import type { HttpClient } from './harness/http-client.ts';
import { Stack } from './harness/stack.ts';

let stack: Stack;
let admin: HttpClient;
beforeAll(async () => {
  stack = await Stack.start();
  admin = stack.admin;
});
afterAll(() => stack.stop());

interface AuditRow {
  action: string;
  target: string;
  actor_id: number | null;
  actor_user_id: string | null;
  actor_credential: string;
  address: string | null;
  request_id: string | null;
  before: object | null;
  after: object | null;
}

async function auditOf(...targets: string[]): Promise<AuditRow[]> {
  const { rows } = await stack.database.pool.query<AuditRow>('SELECT * FROM audit WHERE target = ANY($1) ORDER BY id', [
    targets,
  ]);
  return rows;
}

const actions = (rows: AuditRow[]): string[] => rows.map((row) => row.action);

describe('the audit trail', () => {
  it('has one row per change, written with it, and none for a call that changed or was allowed nothing', async () => {
    const user = await makeServiceUser(admin);
    const { id } = await makeToken(admin, { user_id: user.id });
    const stranger = stack.client(0, (await makeServiceToken(admin, { role: 'Manager' })).bearer_token);
    for (const revoke of [true, true, false, false, true]) await admin.put(`/api/user-tokens/${id}`, { revoke });
    await stranger.delete(`/api/user-tokens/${id}`);
    await stranger.put(`/api/users/${user.id}`, { role: 'Admin' });
    await admin.put(`/api/users/${user.id}`, { role: user.role });
    await admin.put(`/api/users/${user.id}`, { active: false });
    await admin.delete(`/api/user-tokens/${id}`);
    await admin.delete(`/api/users/${user.id}`);

    expect(actions(await auditOf(`token/${id}`))).toEqual([
      'token.issued',
      'token.revoked',
      'token.restored',
      'token.revoked',
      'token.deleted',
    ]);
    expect(actions(await auditOf(`user/${user.id}`))).toEqual(['user.created', 'user.updated', 'user.deleted']);
  });

  it('says who did it with what, from where, in which request, and what was before and after', async () => {
    const { body: me } = await admin.get('/api/users/me');
    const { id } = await makeServiceUser(admin, { role: 'Member' });
    await admin.put(`/api/users/${id}`, { role: 'Editor' }, { headers: { 'X-Request-Id': 'asked-for-it' } });
    expect((await auditOf(`user/${id}`)).at(-1)).toMatchObject({
      action: 'user.updated',
      actor_id: me.id,
      actor_user_id: 'admin',
      actor_credential: `token/${me.token_id}`,
      address: '127.0.0.1',
      request_id: 'asked-for-it',
      before: { role: 'Member' },
      after: { role: 'Editor' },
    });
  });

  it('names Portcullis itself for what nobody asked for, and every token that went with its user', async () => {
    expect((await auditOf('user/1'))[0]).toMatchObject({
      action: 'user.created',
      actor_id: null,
      actor_credential: 'system',
    });
    const { user, id: first } = await makeServiceToken(admin);
    const { id: second } = await makeToken(admin, { user_id: user.id, name: uniqueName('second') });
    await admin.delete(`/api/users/${user.id}`);
    for (const id of [first, second]) {
      expect(actions(await auditOf(`token/${id}`))).toEqual(['token.issued', 'token.revoked', 'token.deleted']);
    }
  });
});
