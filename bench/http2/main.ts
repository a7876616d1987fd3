import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../../scripts/stack/run-command.ts';
import { cpuSeconds } from '../measuring/cpu-time.ts';

/**
 * What Node's HTTP/2 costs beside its HTTP/1.1, both over TLS, 64 connections: CPU microseconds of the server per request.
 * Needs `openssl`, and `h2load` (Debian and Ubuntu: nghttp2-client).
 */
const KINDS = ['HTTP/1.1', 'HTTP/2, as requests', 'HTTP/2, as streams'];
const [REQUESTS, ROUNDS, TIMEOUT_MS] = [30_000, 3, 120_000];

const folder = await mkdtemp(join(tmpdir(), 'portcullis-http2-'));
const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost';
await run('openssl', [...request.split(' '), '-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')]);
for (let round = 1; round <= ROUNDS; round++) {
  for (const kind of KINDS) {
    for (const atOnce of kind === 'HTTP/1.1' ? [1] : [1, 10]) {
      const microseconds = await measure(kind, atOnce);
      console.log(`round ${round}  ${kind}, ${atOnce} at once on a connection: ${microseconds.toFixed(1)} µs`);
    }
  }
}
await rm(folder, { recursive: true });

async function measure(kind: string, atOnce: number): Promise<number> {
  const env = { ...process.env, KIND: kind, CERTIFICATE: folder };
  const child = fork(new URL('server-process.ts', import.meta.url), { env });
  const [port] = (await once(child, 'message')) as [number];
  const how = kind === 'HTTP/1.1' ? '--h1' : '';
  const load = (requests: number): Promise<void> =>
    run('h2load', `${how} -n ${requests} -c 64 -m ${atOnce} https://127.0.0.1:${port}/`.trim().split(' '));
  await load(REQUESTS / 6); // warm-up
  const before = cpuSeconds(child.pid!);
  await load(REQUESTS);
  const used = cpuSeconds(child.pid!) - before;
  child.disconnect();
  return (used * 1e6) / REQUESTS;
}

async function run(command: string, args: string[]): Promise<void> {
  const { code, output } = await runCommand(command, args, { timeoutMs: TIMEOUT_MS });
  if (code !== 0 || / [1-9]\d* failed/.test(output)) throw new Error(`${command} failed: ${output}`);
}
