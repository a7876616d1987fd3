import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeServiceToken, makeServiceUser, makeToken, uniqueName } from './harness/fixtures.ts';
import type { HttpClient, Json } from './harness/http-client.ts';
import { makePersonWithPassword } from './harness/people.ts';
import { trySignIn } from './harness/session-client.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

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

const find = async (query: string): Promise<Json> => {
  const answer = await admin.get(`/api/audit?${query}`);
  expect(answer.status, answer.text).toBe(200);
  return answer.body;
};

describe('GET /api/audit', () => {
  it('finds by who, what, what to, when, from where and in which request, the newest first', async () => {
    const { user, bearer_token: token, id } = await makeServiceToken(admin, { role: 'Admin' });
    const request = `find-${id}`;
    const own = stack.client(0, token);
    await own.put(`/api/users/${user.id}`, { name: 'Renamed' }, { headers: { 'X-Request-Id': request } });

    const [updated, created] = (await find(`target=user/${user.id}`)).items;
    expect(updated).toMatchObject({ action: 'user.updated', actor_user_id: user.user_id, after: { name: 'Renamed' } });
    expect(updated.at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(created).toMatchObject({ action: 'user.created', before: null });
    for (const query of [
      `actor=${user.user_id}`,
      `actor=${user.id}`,
      `request_id=${request}`,
      `action=user.*&from=${updated.at}&target=user/${user.id}`,
    ]) {
      expect(await find(query), query).toMatchObject({ total: 1, items: [updated] });
    }
    expect((await find(`target=user/${user.id}&to=${updated.at}`)).items).toEqual([created]);
    expect((await find(`target=user/${user.id}&address=127.0.0.1&size=1&page=2`)).items).toEqual([created]);
    expect(await find('address=192.0.2.77')).toMatchObject({ total: 0, items: [] });
  });

  it('is for Admins, and refuses a filter that it does not understand, naming it', async () => {
    const manager = stack.client(0, (await makeServiceToken(admin, { role: 'Manager' })).bearer_token);
    expect((await manager.get('/api/audit')).status).toBe(403);
    for (const field of [
      'action=DROP',
      'target=x',
      'from=yesterday',
      'from=2026-13-01T00:00:00Z',
      'size=1000',
      'who=me',
    ]) {
      const { status, body } = await admin.get(`/api/audit?${field}`);
      expect([status, body.errors[0].field], field).toEqual([400, field.split('=')[0]]);
    }
  });

  it('streams everything that is found as CSV or NDJSON, each record once', async () => {
    await stack.database.pool.query(`INSERT INTO audit (actor_credential, action, target)
      SELECT 'system', 'test.many', 'test/' || n FROM generate_series(1, 2500) n`);
    const ndjson = await admin.get('/api/audit?action=test.many', { headers: { Accept: 'application/x-ndjson' } });
    expect(ndjson.headers.get('content-type')).toBe('application/x-ndjson');
    const ids = ndjson.text.trimEnd().split('\n').map((line) => (JSON.parse(line) as Json).id as number); // prettier-ignore
    expect(new Set(ids).size).toBe(2_500);
    expect(ids).toEqual(ids.toSorted((a, b) => b - a));
    const csv = await admin.get('/api/audit?action=test.many', { headers: { Accept: 'text/csv' } });
    expect(csv.headers.get('content-disposition')).toBe('attachment; filename="audit.csv"');
    expect(csv.text.split('\r\n')).toHaveLength(1 + 2_500 + 1);
  });
});

describe('what was refused', () => {
  it('a sign-in, without the name that was typed', async () => {
    const { user } = await makePersonWithPassword(admin);
    const anonymous = admin.as(undefined);
    await trySignIn(anonymous, user.user_name, 'wrong', { 'X-Request-Id': 'wrong-password' });
    await trySignIn(anonymous, 'my-password-in-the-wrong-field', 'wrong', { 'X-Request-Id': 'unknown-name' });
    const refused = { action: 'session.refused', actor_id: null, actor_credential: 'session', address: '127.0.0.1' };
    const after = { reason: 'invalid_credentials', count: 1 };
    expect((await find('request_id=wrong-password')).items).toEqual([
      expect.objectContaining({ ...refused, target: `user/${user.id}`, after }),
    ]);
    const { items } = await find('request_id=unknown-name');
    expect(items).toMatchObject([{ ...refused, target: 'user/unknown', after }]);
    expect(JSON.stringify(items)).not.toContain('my-password');
  });

  it('attempts beyond the limit, once and not one by one', async () => {
    const { user } = await makePersonWithPassword(admin);
    for (let i = 0; i < 16; i += 1) await trySignIn(stack.direct(), user.user_name, 'wrong');
    const { items } = await find(`target=user/${user.id}&action=session.refused`);
    const reasons = items.map(({ after }: Json) => after.reason as string);
    expect(reasons.filter((reason: string) => reason === 'too_many_attempts')).toHaveLength(1);
    expect(reasons.length).toBeLessThanOrEqual(11);
  });

  it('the use of a revoked token at a gateway: caller and route, one record for many requests', async () => {
    const { id, bearer_token: token, user } = await makeServiceToken(admin);
    await admin.put(`/api/user-tokens/${id}`, { revoke: true });
    for (let i = 0; i < 20; i += 1) {
      const headers = { 'X-Request-Id': `refused-${id}-${i}` };
      expect((await stack.client(0, token).get('/api/datastores/secret-path', { headers })).status).toBe(401);
    }
    await waitUntil(
      'the gateway has reported',
      async () => (await find(`target=token/${id}&action=token.refused`)).total > 0,
    );
    const { items } = await find(`target=token/${id}&action=token.refused`);
    expect(items).toMatchObject([
      {
        actor_user_id: user.user_id,
        actor_credential: `token/${id}`,
        address: '127.0.0.1',
        request_id: `refused-${id}-0`,
        after: { reason: 'revoked', route: '/api/datastores', gateway: 'gw-1' },
      },
    ]);
    expect(JSON.stringify(items)).not.toContain('secret-path');
  });

  it('the use of an expired token at the token-service itself', async () => {
    const { id, bearer_token: token } = await makeServiceToken(admin);
    await stack.database.pool.query(`UPDATE tokens SET expires_at = now() - interval '1 s' WHERE id = $1`, [id]);
    expect((await stack.direct(0, token).get('/api/users/me')).status).toBe(401);
    const written = async (): Promise<Json> => (await find(`target=token/${id}&action=token.refused`)).items[0];
    await waitUntil('it is written', async () => (await written()) !== undefined);
    expect((await written()).after).toMatchObject({
      reason: 'expired',
      route: '/api/users/me',
      gateway: 'token-service',
    });
  });
});

describe('the table of the audit trail', () => {
  const OLD = `INSERT INTO audit (at, actor_credential, action, target) VALUES (now() - interval '31 days', 'system', 'test.old', 't/1')`;

  it('lets no row be changed or deleted by the database role of the application', async () => {
    const client = await stack.database.pool.connect();
    await client.query(OLD);
    for (const setting of ['off', 'on']) {
      await client.query(`SET portcullis.audit_purge = ${setting}`);
      for (const sql of [
        `UPDATE audit SET action = 'x'`,
        `DELETE FROM audit WHERE at > now() - interval '29 days'`,
        'TRUNCATE audit',
      ]) {
        await expect(client.query(sql), `${sql} with ${setting}`).rejects.toThrow('the audit trail is append-only');
      }
    }
    await client.query('SET portcullis.audit_purge = off');
    await expect(client.query(`DELETE FROM audit WHERE action = 'test.old'`)).rejects.toThrow('append-only');
    client.release(true);
  });
});
