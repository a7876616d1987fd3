import { request as httpRequest } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, expect, it } from 'vitest';
import { Started } from './testing/gateway-harness.js';

const started = new Started();
afterEach(() => started.stop());

const TOTAL_BYTES = 200 * 1_048_576;
/**
 * Client, gateway and upstream are one process here, and each has its buffers; on a busy machine the collector is late. A body that
 * is kept would be 200 MiB.
 */
const GROWTH_BYTES_MAX = 96 * 1_048_576;
const LOOK_EVERY_BYTES = 20 * 1_048_576;

it('200 MiB up and down at the same time take no more memory than a few buffers', { timeout: 120_000 }, async () => {
  const { port } = await started.proxied((request, response) => void request.pipe(response));
  const headers = { Authorization: 'Bearer editor' };
  const outgoing = httpRequest({ port, path: '/a', method: 'POST', headers, agent: false });
  const piece = Buffer.alloc(65_536, 'x');
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const buffersBefore = process.memoryUsage().arrayBuffers;
  let received = 0;
  let most = 0;
  const answered = new Promise<void>((resolve, reject) => {
    outgoing.on('error', reject).on('response', (incoming) => {
      incoming.on('data', (chunk: Buffer) => {
        const looks = Math.floor(received / LOOK_EVERY_BYTES);
        received += chunk.length;
        if (Math.floor(received / LOOK_EVERY_BYTES) === looks) return;
        collectGarbage(); // what is only garbage is not kept
        most = Math.max(most, process.memoryUsage().arrayBuffers - buffersBefore);
      });
      incoming.on('end', resolve).on('error', reject);
    });
  });
  const pieces = Array.from({ length: TOTAL_BYTES / piece.length }, () => piece);
  await Promise.all([pipeline(Readable.from(pieces), outgoing), answered]);
  expect(received).toBe(TOTAL_BYTES);
  expect(most).toBeLessThan(GROWTH_BYTES_MAX);
});
