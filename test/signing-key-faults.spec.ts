import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EventsStream } from './harness/events-stream.ts';
import { makeServiceToken, makeToken } from './harness/fixtures.ts';
import { HeldLease } from './harness/held-lease.ts';
import type { HttpClient, Json } from './harness/http-client.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

const LEASE_MS = 3_000;
const MANY_TOKENS = 20_000;

let stack: Stack;
let admin: HttpClient;
beforeAll(async () => {
  stack = await Stack.start({ gateways: 2, tokenServiceEnv: { PORTCULLIS_LEASE_MS: String(LEASE_MS) } });
  admin = stack.direct(0, stack.adminToken);
});
afterAll(() => stack.stop());

const kidOf = (token: string): string =>
  (JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()) as { kid: string }).kid;

const statusAt = async (gateway: number, token: string): Promise<number> =>
  (await stack.client(gateway, token).get('/api/datastores')).status;

const keys = async (): Promise<Json[]> => (await admin.get('/api/keys')).body.keys as Json[];
const signingKid = async (): Promise<string> => (await keys()).find(({ state }) => state === 'signing').kid as string;

const ms = (duration: number): string => `${Math.round(duration)} ms`;

/** Tokens are made one after the other until `until` has settled. @returns the keys that signed them, in that order */
async function kidsSignedWhile(userId: number, until: Promise<unknown>): Promise<string[]> {
  const kids: string[] = [];
  const settled = new AbortController();
  void until.finally(() => settled.abort()).catch(() => undefined);
  while (!settled.signal.aborted) kids.push(kidOf((await makeToken(admin, { user_id: userId })).bearer_token));
  return kids;
}

describe('a rotation', () => {
  it('while a gateway is frozen, signs with the new key only when its lease has run out; it takes those tokens when it is back', async () => {
    const { user } = await makeServiceToken(admin);
    const old = await signingKid();
    const frozen = stack.gateways[1]!.process;
    frozen.kill('SIGSTOP');
    try {
      const before = new Set((await keys()).map(({ kid }) => kid as string));
      const rotation = admin.post('/api/keys/rotate', {});
      const kids = kidsSignedWhile(user.id, rotation);
      await waitUntil('the new key is announced', async () => (await keys()).some(({ kid }) => !before.has(kid)));
      expect(await signingKid()).toBe(old);

      const { status, body } = await rotation;
      expect([status, body.receipt]).toMatchObject([200, { confirmed: ['gw-1'], expired: ['gw-2'] }]);
      const { rows } = await stack.database.pool.query<{ waited: boolean }>(
        `SELECT k.at >= l.fenced_at AS waited FROM audit k, gateway_leases l
         WHERE k.action = 'key.rotated' AND k.target = $1 AND l.instance = 'gw-2' ORDER BY l.registered_at DESC LIMIT 1`,
        [`key/${body.kid}`],
      );
      expect(rows).toEqual([{ waited: true }]);
      const signed = await kids;
      expect(signed[0]).toBe(old);
      expect(new Set(signed.slice(0, -1))).toEqual(new Set([old])); // the last may be of after the promotion

      const fresh = await makeToken(admin, { user_id: user.id });
      expect(kidOf(fresh.bearer_token)).toBe(body.kid);
      expect(await statusAt(0, fresh.bearer_token)).toBe(200);
      frozen.kill('SIGCONT');
      const statuses = new Set<number>();
      await waitUntil('the gateway takes it too', async () => {
        const status = await statusAt(1, fresh.bearer_token);
        statuses.add(status);
        return status === 200;
      });
      expect([...statuses].filter((status) => status !== 200 && status !== 503)).toEqual([]);
    } finally {
      frozen.kill('SIGCONT');
    }
  });

  it('is 503 key_unconfirmed while a gateway renews and has not fetched the key, and is taken up again by the next', async () => {
    const { user } = await makeServiceToken(admin);
    const old = await signingKid();
    const before = await keys();
    const lease = await HeldLease.take(stack, 'gw-behind');
    try {
      const refused = await admin.post('/api/keys/rotate', {});
      expect([refused.status, refused.body.code]).toEqual([503, 'key_unconfirmed']);
      expect(refused.headers.get('retry-after')).toBe('1');
      expect(refused.body.detail).toContain('gw-behind');
      expect(await signingKid()).toBe(old);
      expect(kidOf((await makeToken(admin, { user_id: user.id })).bearer_token)).toBe(old);
      const { items } = (await admin.get('/api/audit?action=key.rotated')).body;
      expect(items).not.toContainEqual(expect.objectContaining({ before: { signing: old } }));
    } finally {
      await lease.release();
    }
    const made = (await keys()).filter(({ kid }) => !before.some((key) => key.kid === kid));
    expect(made).toMatchObject([{ state: 'verifying' }]);
    const rotated = await admin.post('/api/keys/rotate', {});
    expect([rotated.status, rotated.body.kid, rotated.body.previous_kid]).toEqual([200, made[0].kid, old]);
    const fresh = await makeToken(admin, { user_id: user.id });
    expect([await statusAt(0, fresh.bearer_token), await statusAt(1, fresh.bearer_token)]).toEqual([200, 200]);
  });
});

describe('the retirement of a key', () => {
  it(
    `of ${MANY_TOKENS} tokens ends them in one short change, and tells of each of them once`,
    { timeout: 400_000 },
    async () => {
      const { user, ...used } = await makeServiceToken(admin);
      const kid = kidOf(used.bearer_token);
      await stack.database.pool.query(
        `INSERT INTO tokens (user_id, name, type, scim, kid, token_hmac, hint, created_at)
       SELECT $1, 'many ' || n, 'Service', false, $2, '\\x00', 'abcd', now() FROM generate_series(1, $3) n`,
        [user.id, kid, MANY_TOKENS],
      );
      await admin.post('/api/keys/rotate', {});
      const other = await makeToken(admin, { user_id: user.id });
      const planned = await admin.post(`/api/keys/${kid}/retire`, { dry_run: true });
      const count = planned.body.tokens_ended as number;
      expect(count).toBeGreaterThan(MANY_TOKENS);

      const startedMs = performance.now();
      const retired = await admin.post(`/api/keys/${kid}/retire`, {});
      const answeredMs = performance.now() - startedMs;
      expect(retired.body).toMatchObject({
        tokens_ended: count,
        receipt: { confirmed: ['gw-1', 'gw-2'], expired: [] },
      });
      for (const gateway of [0, 1]) expect(await statusAt(gateway, used.bearer_token)).toBe(401);

      // The tokens' own rows follow, in batches, between which others take their turn.
      const revoked = await admin.put(`/api/user-tokens/${other.id}`, { revoke: true });
      const betweenMs = revoked.body.receipt.elapsed_ms as number;
      expect(revoked.body.receipt).toMatchObject({ confirmed: ['gw-1', 'gw-2'], expired: [] });
      const left = async (): Promise<number> => {
        const { rows } = await stack.database.pool.query('SELECT FROM tokens WHERE kid = $1 AND revoked_at IS NULL', [
          kid,
        ]);
        return rows.length;
      };
      await waitUntil('all are marked as revoked', async () => (await left()) === 0, 150_000);
      const markedMs = performance.now() - startedMs;
      const stream = await EventsStream.open(stack);
      const stored = await stream.expectTheWholeOutboxOnce({ timeoutMs: 150_000 });
      const told = stored.filter(({ event }) => event.type === 'TokenRevoked' && 'reason' in event.data && event.data.reason === 'key_retired'); // prettier-ignore
      expect(told.length).toBe(count);
      expect(new Set(told.map(({ event }) => event.subject)).size).toBe(count);
      await stream.close();
      const { rows } = await stack.database.pool.query<{ count: number }>(
        `SELECT count(*) FROM audit WHERE action = 'token.revoked' AND after ->> 'reason' = 'key_retired'`,
      );
      expect(rows[0]!.count).toBe(count);
      process.stdout.write(
        `${count} tokens: answered in ${ms(answeredMs)} (receipt ${ms(retired.body.receipt.elapsed_ms)}), a revoke meanwhile ${ms(betweenMs)}, all marked after ${ms(markedMs)}\n`,
      );
    },
  );
});
