import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../scripts/stack/free-port.ts';
import { makeServiceToken } from './harness/fixtures.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

let stack: Stack;
let ports: { tokenService: number; gateway: number };
beforeAll(async () => {
  ports = { tokenService: await freePort(), gateway: await freePort() };
  stack = await Stack.start({
    tokenServiceEnv: { PORTCULLIS_MANAGEMENT_PORT: String(ports.tokenService) },
    gatewayEnv: { PORTCULLIS_MANAGEMENT_PORT: String(ports.gateway) },
  });
});
afterAll(() => stack.stop());

/** Name and labels of each sample, and its value. */
async function scrape(port: number): Promise<Map<string, number>> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const samples = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))])); // prettier-ignore
}

const datastores = (outcome: string): string =>
  `portcullis_gateway_requests_total{route="/api/datastores",outcome="${outcome}"}`;

describe('/metrics on the management port', () => {
  it('of the gateway: requests by route and outcome, verification, lease, ledger, usage', async () => {
    const { id, bearer_token: token } = await makeServiceToken(stack.admin);
    const client = stack.client(0, token);
    for (let i = 0; i < 3; i += 1) await client.get('/api/datastores');
    await client.get('/api/datastores/none/such');
    await stack.admin.put(`/api/user-tokens/${id}`, { revoke: true });
    await client.get('/api/datastores');
    await client.get('/nowhere');

    await waitUntil('all are counted', async () => (await scrape(ports.gateway)).get(datastores('2xx')) === 3);
    const samples = await scrape(ports.gateway);
    expect([samples.get(datastores('4xx')), samples.get(datastores('refused'))]).toEqual([1, 1]);
    expect(samples.get('portcullis_gateway_requests_total{route="",outcome="refused"}')).toBe(1);
    expect(samples.get('portcullis_gateway_verification_seconds_count')).toBeGreaterThanOrEqual(2);
    expect(samples.get('portcullis_gateway_lease_remaining_seconds')).toBeGreaterThan(0);
    expect(samples.get('portcullis_gateway_applied_seq')).toBeGreaterThan(0);
    expect(samples.get('portcullis_gateway_clock_offset_seconds')).toBeLessThan(5);
    expect(samples.get('portcullis_gateway_upgrades_open')).toBe(0);
    expect(samples.get('portcullis_gateway_usage_waiting')).toBeGreaterThanOrEqual(0);
    expect(samples.get('portcullis_gateway_usage_dropped_total')).toBe(0);
    expect(samples.get('portcullis_nats_connected')).toBe(1);
  });

  it('of the token-service: requests, barrier, outbox, usage reports, pool, and each gateway as seen from here', async () => {
    const samples = await scrape(ports.tokenService);
    const value = (name: string): number => samples.get(name) ?? NaN;
    const route = 'method="PUT",route="/api/user-tokens/:id"';
    expect(value(`portcullis_requests_total{${route},outcome="2xx"}`)).toBeGreaterThan(0);
    expect(value('portcullis_barrier_seconds_count')).toBeGreaterThan(0);
    expect(value('portcullis_receipts_total{outcome="confirmed"}')).toBeGreaterThan(0);
    expect(value('portcullis_receipts_total{outcome="unconfirmed"}')).toBe(0);
    expect(value('portcullis_outbox_leader')).toBe(1);
    for (const name of [
      'portcullis_outbox_waiting',
      'portcullis_outbox_oldest_age_seconds',
      'portcullis_usage_reports_waiting',
      'portcullis_database_connections{pool="api",state="busy"}',
      'portcullis_database_connections{pool="leases",state="waiting"}',
      'portcullis_lease_lag{gateway="gw-1",worker="0"}',
    ]) {
      expect(value(name), name).toBeGreaterThanOrEqual(0);
    }
    expect(value('portcullis_lease_remaining_seconds{gateway="gw-1",worker="0"}')).toBeGreaterThan(0);
    expect(value('portcullis_access_seq')).toBeGreaterThan(0);
  });

  it('is on no other port, and nothing else is on that one', async () => {
    for (const client of [stack.client(0), stack.direct()]) expect((await client.get('/metrics')).status).not.toBe(200);
    for (const port of Object.values(ports)) {
      expect((await fetch(`http://127.0.0.1:${port}/api/users`)).status).toBe(404);
      expect((await fetch(`http://127.0.0.1:${port}/metrics`, { method: 'POST' })).status).toBe(405);
    }
  });
});
