import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeServiceToken } from '../harness/fixtures.ts';
import { residentBytes } from '../harness/process-table.ts';
import { defaultRoutes, Stack } from '../harness/stack.ts';

const TOTAL_BYTES = 2 ** 30;
const PIECE = Buffer.alloc(65_536, 'x');
const LOOK_EVERY_BYTES = 16 * 1_048_576;
/** Buffers on their way and what the collector has not come to yet; a body that is kept would be 1 GiB. */
const GROWTH_BYTES_MAX = 128 * 1_048_576;

const upstream = createServer((incoming, response) => void incoming.pipe(response));
let stack: Stack;
beforeAll(async () => {
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const { port } = upstream.address() as AddressInfo;
  stack = await Stack.start({ routes: defaultRoutes(`http://127.0.0.1:${port}`) });
});
afterAll(async () => {
  await stack.stop();
  upstream.close();
});

it('1 GiB up and down at the same time leaves the gateway as large as it was', { timeout: 300_000 }, async () => {
  const { bearer_token } = await makeServiceToken(stack.admin);
  const { url, process: gateway } = stack.gateways[0]!;
  const headers = { Authorization: `Bearer ${bearer_token}` };
  const outgoing = request(`${url}/api/datastores`, { method: 'POST', headers, agent: false });
  const before = residentBytes(gateway.pid);
  let [received, most] = [0, before];
  const answered = new Promise<void>((resolve, reject) => {
    outgoing.on('error', reject).on('response', (incoming) => {
      incoming.on('data', (chunk: Buffer) => {
        const looks = Math.floor(received / LOOK_EVERY_BYTES);
        received += chunk.length;
        if (Math.floor(received / LOOK_EVERY_BYTES) > looks) most = Math.max(most, residentBytes(gateway.pid));
      });
      incoming.on('end', resolve).on('error', reject);
    });
  });
  const pieces = function* (): Generator<Buffer> {
    for (let sent = 0; sent < TOTAL_BYTES; sent += PIECE.length) yield PIECE;
  };
  await Promise.all([pipeline(Readable.from(pieces()), outgoing), answered]);
  console.log(`resident: ${Math.round(before / 1e6)} MB before, ${Math.round(most / 1e6)} MB at most`);
  expect(received).toBe(TOTAL_BYTES);
  expect(most - before).toBeLessThan(GROWTH_BYTES_MAX);
});
