import type { CreatedTokenDto } from '@portcullis/contracts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Connection, type ConnectionOptions } from './harness/connection.ts';
import { makeServiceToken } from './harness/fixtures.ts';
import { HeldWrites } from './harness/held-writes.ts';
import { type App, Stack } from './harness/stack.ts';
import { countedUses, lastAddress } from './harness/token-usage.ts';
import { UsageReports } from './harness/usage-reports.ts';
import { waitUntil } from './harness/wait-until.ts';

const TRUSTED_PROXY = '127.0.0.9';
const STRANGER = '127.0.0.4';

let stack: Stack;
let reports: UsageReports;
const connections: Connection[] = [];
beforeAll(async () => {
  stack = await Stack.start({ gateways: 2, gatewayEnv: { PORTCULLIS_TRUSTED_PROXIES: TRUSTED_PROXY } });
  reports = await UsageReports.open(stack);
});
afterAll(async () => {
  await reports?.close();
  await stack?.stop();
});
afterEach(() => {
  for (const connection of connections.splice(0)) connection.close();
});

function connection(url: string, options: ConnectionOptions): Connection {
  const opened = new Connection(url, options);
  connections.push(opened);
  return opened;
}

/** Uses a token over several kept-alive connections at once to every gateway. @returns how often */
async function use({ bearer_token: token }: CreatedTokenDto, perConnection: number): Promise<number> {
  const all = stack.gateways.flatMap(({ url }) => Array.from({ length: 8 }, () => connection(url, { token })));
  const statuses = await Promise.all(
    all.map(async (client) => {
      const seen: number[] = [];
      for (let i = 0; i < perConnection; i++) seen.push((await client.get('/api/datastores')).status);
      return seen;
    }),
  );
  expect(new Set(statuses.flat())).toEqual(new Set([200]));
  expect(all.every(({ opened }) => opened === 1)).toBe(true);
  return statuses.flat().length;
}

/** Waits until so many uses are counted, and everything that the gateways reported is acknowledged. @returns the count then */
async function settledCount(token: CreatedTokenDto, count: number): Promise<number> {
  await waitUntil('every use is counted', async () => (await countedUses(stack, token.id)) >= count, 25_000);
  await reports.settled();
  return countedUses(stack, token.id);
}

const addressIs = (token: CreatedTokenDto, address: string): Promise<unknown> =>
  waitUntil(`the last caller is ${address}`, async () => (await lastAddress(stack, token.id)) === address);

describe('the hourly counts of a token', () => {
  it('are exact over two gateways and many kept-alive connections, for each token', async () => {
    const tokens = [await makeServiceToken(stack.admin), await makeServiceToken(stack.admin)];
    const [one, two] = await Promise.all([use(tokens[0]!, 20), use(tokens[1]!, 5)]);
    expect([one, two]).toEqual([320, 80]);
    expect(await settledCount(tokens[0]!, 320)).toBe(320);
    expect(await settledCount(tokens[1]!, 80)).toBe(80);
    const { rows } = await stack.database.pool.query(
      `SELECT hour = date_trunc('hour', hour) AS on_the_hour FROM token_usage_hourly WHERE token_id = $1`,
      [tokens[0]!.id],
    );
    expect(rows.every(({ on_the_hour }) => on_the_hour)).toBe(true);
  });

  it('count what was let in only: not the refused, nor the ones without the role', async () => {
    const token = await makeServiceToken(stack.admin, { role: 'Member' });
    const client = stack.client(0, token.bearer_token);
    expect((await client.get('/api/datastores')).status).toBe(200);
    expect((await client.post('/api/datastores', {})).status).toBe(403);
    await stack.admin.put(`/api/user-tokens/${token.id}`, { revoke: true });
    expect((await client.get('/api/datastores')).status).toBe(401);
    expect(await settledCount(token, 1)).toBe(1);
  });
});

describe('the address of the last caller', () => {
  it('is that of the latest use, whichever gateway it went through', async () => {
    const token = await makeServiceToken(stack.admin);
    const [one, two] = stack.gateways as App[];
    for (const [gateway, localAddress] of [
      [one!, '127.0.0.2'],
      [two!, '127.0.0.3'],
    ] as const) {
      const client = connection(gateway.url, { token: token.bearer_token, localAddress });
      expect((await client.get('/api/datastores')).status).toBe(200);
      await addressIs(token, localAddress);
    }
    const { rows } = await stack.database.pool.query('SELECT ip, gateway FROM token_last_used WHERE token_id = $1', [
      token.id,
    ]);
    expect(rows).toEqual([{ ip: '127.0.0.3', gateway: 'gw-2' }]);
  });

  it('is not what a client says in X-Forwarded-For, at a gateway or at the token-service', async () => {
    for (const { url, path } of [
      { url: stack.gateways[0]!.url, path: '/api/datastores' },
      { url: stack.gateways[0]!.url, path: '/api/users/me' },
      { url: stack.tokenServices[0]!.url, path: '/api/users/me' },
    ]) {
      const token = await makeServiceToken(stack.admin);
      const client = connection(url, { token: token.bearer_token, localAddress: STRANGER });
      const headers = { 'X-Forwarded-For': '203.0.113.7', Forwarded: 'for=203.0.113.7', 'X-Real-IP': '203.0.113.7' };
      expect((await client.get(path, headers)).status).toBe(200);
      await addressIs(token, STRANGER);
    }
  });

  it('is what a trusted proxy says, and only the part that it vouches for', async () => {
    const token = await makeServiceToken(stack.admin);
    const proxy = connection(stack.gateways[0]!.url, { token: token.bearer_token, localAddress: TRUSTED_PROXY });
    const headers = { 'X-Forwarded-For': '198.51.100.1, 203.0.113.7' };
    expect((await proxy.get('/api/datastores', headers)).status).toBe(200);
    await addressIs(token, '203.0.113.7');
  });
});

describe('no use is lost and none counted twice', () => {
  it('when NATS is away for a while', async () => {
    const token = await makeServiceToken(stack.admin);
    const before = await use(token, 2);
    await stack.nats.stop();
    const meanwhile = await use(token, 5);
    await waitUntil('a gateway says that usage waits', () => stack.logs().includes('usage waits'));
    await stack.startNats();
    await reports.redeliverSoon();
    const count = before + meanwhile + (await use(token, 2));
    expect(await settledCount(token, count)).toBe(count);
  });

  it('when a token-service is killed while gateways report', async () => {
    const token = await makeServiceToken(stack.admin);
    const service = stack.tokenServices[0]!;
    const using = use(token, 20);
    await waitUntil('some of it is counted', async () => (await countedUses(stack, token.id)) > 0);
    service.process.kill('SIGKILL');
    await service.process.exited;
    const meanwhile = await use(token, 2);
    await service.restart();
    await reports.redeliverSoon();
    const count = (await using) + meanwhile;
    expect(await settledCount(token, count)).toBe(count);
  });

  it('when a token-service is killed after it counted a report and before it acknowledged it', async () => {
    const token = await makeServiceToken(stack.admin);
    const service = stack.tokenServices[0]!;
    const commits = await HeldWrites.usageCommits(stack.database);
    let count: number;
    try {
      count = await use(token, 2);
      await waitUntil('a report is being committed', () => commits.isHolding());
      service.process.kill('SIGKILL');
      await service.process.exited;
    } finally {
      await commits.release();
    }
    await waitUntil('Postgres has committed it', async () => (await countedUses(stack, token.id)) > 0);
    expect(await reports.waiting()).toBeGreaterThan(0);
    await service.restart();
    await reports.redeliverSoon();
    expect(await settledCount(token, count)).toBe(count);
  });
});
