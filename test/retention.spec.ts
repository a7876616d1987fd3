import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../scripts/stack/free-port.ts';
import { AdminCommand } from './harness/admin-command.ts';
import { EventsStream } from './harness/events-stream.ts';
import { makeServiceToken } from './harness/fixtures.ts';
import { HeldLease } from './harness/held-lease.ts';
import type { Json } from './harness/http-client.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

let stack: Stack;
let command: AdminCommand;
let managementPort: number;
beforeAll(async () => {
  managementPort = await freePort();
  stack = await Stack.start({
    tokenServices: 1,
    tokenServiceEnv: { PORTCULLIS_MANAGEMENT_PORT: String(managementPort) },
  });
  command = await AdminCommand.for(stack);
});
afterAll(async () => {
  command.stop();
  await stack.stop();
});

const count = async (sql: string): Promise<number> =>
  (await stack.database.pool.query<{ count: number }>(`SELECT count(*) FROM ${sql}`)).rows[0]!.count;

const left = (): Promise<number> => count(`outbox WHERE subject = 'old'`);

const insertPublished = (rows: number): Promise<unknown> =>
  stack.database.pool.query(
    `INSERT INTO outbox (id, event_id, subject, payload, published_at) OVERRIDING SYSTEM VALUE
     SELECT -n, gen_random_uuid(), 'old', '{}', now() - interval '2 days' FROM generate_series(1, $1) n`,
    [rows],
  );

describe('the purge', () => {
  it('begins with each token-service, says in one line what it deleted, and counts it', async () => {
    await insertPublished(3);
    await stack.tokenServices[0]!.restart();
    await waitUntil('they are deleted', async () => (await left()) === 0);
    const line = /Purged (?:\d+ [a-z ]+, )*3 published events(?:, \d+ [a-z ]+)*, in \d+ ms/;
    await waitUntil('it says so', () => line.test(stack.tokenServices[0]!.log()));
    const metrics = await (await fetch(`http://127.0.0.1:${managementPort}/metrics`)).text();
    expect(metrics).toContain('portcullis_purged_total{kind="published_events"} 3');
    expect(metrics).toContain('portcullis_purged_total{kind="audit"} 0');
    expect(metrics).toContain('portcullis_purge_failures_total{kind="audit"} 0');
  });

  it('killed half-way, goes on where it stopped', async () => {
    await insertPublished(60_000);
    const killed = command.start(['purge']);
    await waitUntil('some are deleted', async () => (await left()) < 60_000);
    killed.kill('SIGKILL');
    const again = await command.json(['purge']);
    expect(again.code, again.stderr).toBe(0);
    expect(await left()).toBe(0);
  });

  it('deletes tokens whose time passed long ago, tells of it, and a gateway that is behind the dropped entries takes a snapshot', async () => {
    const kept = await makeServiceToken(stack.admin);
    const old = await makeServiceToken(stack.admin);
    await stack.admin.put(`/api/user-tokens/${old.id}`, { revoke: true });
    const behind = await HeldLease.take(stack, 'gw-behind');
    const { epoch, seq } = await behind.renew('', 0);
    await stack.database.pool.query(`UPDATE tokens SET expires_at = now() - interval '100 days' WHERE id = $1`, [
      old.id,
    ]);
    const purged = await command.json(['purge']); // unless the token-service was faster
    expect(purged.code, purged.stderr).toBe(0);

    expect((await stack.admin.get(`/api/user-tokens/${old.id}`)).status).toBe(404);
    expect((await stack.client(0, old.bearer_token).get('/api/datastores')).status).toBe(401);
    const { items } = (await stack.admin.get(`/api/audit?target=token/${old.id}&action=token.deleted`)).body;
    expect(items).toMatchObject([{ actor_credential: 'system' }]);
    const stream = await EventsStream.open(stack);
    expect(await stream.first(`token/${old.id}`, 'TokenDeleted')).toMatchObject({
      accessseq: seq + 1,
      data: { actor: { user_id: null, token_id: 'system' } },
    });
    await stream.close();

    expect((await behind.renew(epoch, seq)).entries).toMatchObject([{ id: String(old.id), value: 'deleted' }]);
    await stack.database.pool.query(`UPDATE access_entries SET drop_after = now() WHERE kind = 'token' AND id = $1`, [String(old.id)]); // prettier-ignore
    expect((await command.json(['purge'])).code).toBe(0);
    expect(await behind.renew(epoch, seq)).toMatchObject({ snapshot_required: true });
    expect(((await behind.renew(epoch, seq + 1)) as Json).entries).toEqual([]);
    await behind.release();

    // A gateway that starts now has never heard of it, and lets in whom it should.
    await stack.gateways[0]!.restart();
    expect((await stack.client(0, kept.bearer_token).get('/api/datastores')).status).toBe(200);
  });
});
