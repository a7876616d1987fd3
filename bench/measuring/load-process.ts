import { Pool } from 'undici';
import type { LoadOptions, LoadResult } from './load.ts';

/** Short, so that requests come evenly and not in bursts. */
const TICK_MS = 1;

const { urls, token, requestsPerSecond } = JSON.parse(process.env['LOAD'] ?? '{}') as LoadOptions;
const pools = urls.map((url) => new Pool(url, { connections: 32, pipelining: 1 }));
const headers = { authorization: `Bearer ${token}` };
const result: LoadResult = { sent: 0, failed: 0 };
const startedMs = performance.now();

async function send(): Promise<void> {
  const pool = pools[result.sent++ % pools.length]!;
  try {
    const { statusCode, body } = await pool.request({ path: '/api/datastores', method: 'GET', headers });
    await body.dump();
    if (statusCode !== 200) result.failed += 1;
  } catch {
    result.failed += 1; // counted, and printed by the benchmark
  }
}

// By the clock and not by the last answer: a slow gateway doesn't get fewer requests.
const timer = setInterval(() => {
  const due = Math.floor(((performance.now() - startedMs) / 1000) * requestsPerSecond) - result.sent;
  for (let i = 0; i < Math.min(due, requestsPerSecond); i++) void send();
}, TICK_MS);

process.on('message', () => {
  clearInterval(timer);
  process.send!(result);
});
process.on('disconnect', () => process.exit(0));
process.send!('ready');
