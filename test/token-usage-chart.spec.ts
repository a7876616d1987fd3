import type { TokenUsageDto } from '@portcullis/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeServiceToken } from './harness/fixtures.ts';
import { makeSignedIn } from './harness/people.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

let stack: Stack;
beforeAll(async () => (stack = await Stack.start({ gateways: 2 })));
afterAll(() => stack.stop());

const HOUR_MS = 3_600_000;

async function usageOf(tokenId: number, hours?: number): Promise<TokenUsageDto> {
  const query = hours === undefined ? '' : `?hours=${hours}`;
  const answer = await stack.admin.get<TokenUsageDto>(`/api/user-tokens/${tokenId}/usage${query}`);
  expect(answer.status, answer.text).toBe(200);
  return answer.body;
}

describe('the usage of a token', () => {
  it('is counted by the hour, over all gateways and the token-service, with where it was used from last', async () => {
    const token = await makeServiceToken(stack.admin);
    const { hours: none, ...unused } = await usageOf(token.id);
    expect(unused).toEqual({ token_id: token.id, total: 0, last_use: null });
    expect(none).toHaveLength(24);

    for (let n = 0; n < 3; n += 1) await stack.client(0, token.bearer_token).get('/api/datastores');
    for (let n = 0; n < 2; n += 1) await stack.client(1, token.bearer_token).get('/api/datastores');
    await stack.direct(0, token.bearer_token).get('/api/users/me');
    const usage = await waitUntil('all are counted', async () => {
      const read = await usageOf(token.id);
      return read.total === 6 && read;
    });
    expect(usage.last_use).toMatchObject({
      address: '127.0.0.1',
      gateway: expect.stringMatching(/^(gw-[12]|token-service)$/),
    });
    expect(Date.now() - Date.parse(usage.last_use!.at)).toBeLessThan(60_000);
    expect(usage.hours.slice(-2).reduce((sum, { count }) => sum + count, 0)).toBe(6); // the hour may have changed meanwhile
  });

  it('has every hour once, also those without use, up to the present one', async () => {
    const token = await makeServiceToken(stack.admin);
    await stack.database.pool.query(
      `INSERT INTO token_usage_hourly (token_id, hour, count, last_used, last_ip)
       SELECT $1, date_trunc('hour', now()) - n * interval '1 hour', n, now(), '10.0.0.1' FROM unnest(ARRAY[5, 100, 2159]) AS n`,
      [token.id],
    );
    for (const [hours, total] of [
      [24, 5],
      [168, 105],
      [720, 105],
      [2_160, 2_264],
      [1, 0],
      [6, 5],
    ] as const) {
      // prettier-ignore
      const usage = await usageOf(token.id, hours);
      expect([usage.hours.length, usage.total]).toEqual([hours, total]);
      const starts = usage.hours.map(({ hour }) => Date.parse(hour));
      expect(starts.every((start, n) => start === starts[0]! + n * HOUR_MS)).toBe(true);
      expect(Math.abs(starts.at(-1)! - Math.floor(Date.now() / HOUR_MS) * HOUR_MS)).toBeLessThanOrEqual(HOUR_MS);
    }
  });

  it('is shown to its owner and to Admins, and looks like nothing to everyone else', async () => {
    const { session } = await makeSignedIn(stack.admin, { role: 'Manager' });
    const own = (await session.post('/api/user-tokens', { name: 'own', expires_in_days: 1 })).body;
    const other = await makeServiceToken(stack.admin);
    expect((await session.get(`/api/user-tokens/${own.id}/usage`)).status).toBe(200);
    expect((await session.get(`/api/user-tokens/${other.id}/usage`)).body.code).toBe('token_not_found');
    expect((await session.get('/api/user-tokens/999999/usage')).body.code).toBe('token_not_found');
  });

  it('is kept for 90 days and then taken away', async () => {
    const token = await makeServiceToken(stack.admin);
    await stack.database.pool.query(
      `INSERT INTO token_usage_hourly (token_id, hour, count, last_used, last_ip)
       SELECT $1, date_trunc('hour', now()) - n * interval '1 hour', 1, now(), '10.0.0.1' FROM generate_series(2150, 5000) AS n`,
      [token.id],
    );
    await stack.tokenServices[0]!.restart(); // the sweep begins with the start
    const left = await waitUntil('the old hours are gone', async () => {
      const { rows } = await stack.database.pool.query(
        `SELECT count(*)::integer AS left, min(hour) >= now() - interval '90 days' AS recent FROM token_usage_hourly WHERE token_id = $1`,
        [token.id],
      );
      return rows[0].recent && (rows[0].left as number);
    });
    expect(left).toBeGreaterThan(0);
  });
});

describe('the gateways', () => {
  it('are shown to Admins with their lease, their place in the ledger and their traffic', async () => {
    const token = await makeServiceToken(stack.admin);
    const shown = await waitUntil('both take part, with traffic', async () => {
      for (let n = 0; n < 20; n += 1) {
        await stack.client(0, token.bearer_token).get('/api/datastores');
        await stack.client(0, 'nonsense').get('/api/datastores');
      }
      const { body } = await stack.admin.get('/api/gateways');
      const [first, second] = body.gateways;
      return first?.refused_per_second > 0 && first.state === 'ok' && second?.state === 'ok' && body;
    });
    expect(shown.gateways.map(({ instance }: { instance: string }) => instance)).toEqual(['gw-1', 'gw-2']);
    const [first] = shown.gateways;
    expect(first).toMatchObject({ worker: 0, lease_ms: 10_000, when_stale: 'deny', applied_seq: shown.seq });
    expect(first.requests_per_second).toBeGreaterThan(first.refused_per_second);
    expect(first.lease_remaining_ms).toBeGreaterThan(0);
    expect((await stack.client(0, token.bearer_token).get('/api/gateways')).status).toBe(403);
  });

  it('are shown as fenced when they are gone without a word', async () => {
    await stack.gateways[1]!.process.kill();
    await waitUntil('gw-2 is fenced', async () => {
      const { body } = await stack.admin.get('/api/gateways');
      return body.gateways[1]?.state === 'fenced' && body.gateways[1].requests_per_second === 0;
    });
    await stack.gateways[1]!.restart();
    const { body } = await stack.admin.get('/api/gateways');
    expect(body.gateways).toHaveLength(2);
  });
});
