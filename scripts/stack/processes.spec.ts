import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from './free-port.ts';
import { stopLeftovers, writeRunRecord } from './leftovers.ts';
import { isRunning, startOf } from './process-identity.ts';
import { type ManagedProcess, startNodeApp, startProcess, waitUntilReady } from './processes.ts';
import { makeTemporaryDataDir, removeDataDir } from './temporary-dir.ts';
import { waitFor } from './wait-for.ts';

const ANSWERS = `
  const server = require('node:http').createServer((_, response) => response.end('ready'));
  server.listen(Number(process.env.PORT), '127.0.0.1');
  console.log('listening');`;
const IGNORES_SIGTERM = `process.on('SIGTERM', () => console.log('no')); console.log('up'); setInterval(() => {}, 1e6);`;

const logged = (child: ManagedProcess, text: string) =>
  waitFor(`"${text}" in the log`, () => child.logTail().includes(text), { timeoutMs: 10_000 });

describe('processes', () => {
  let dataDir: string;
  let started: ManagedProcess[];

  beforeEach(async () => {
    dataDir = await makeTemporaryDataDir();
    started = [];
  });
  afterEach(async () => {
    for (const child of started) child.kill('SIGKILL');
    await Promise.all(started.map((child) => child.exited));
    await removeDataDir(dataDir);
  });

  const runDir = () => join(dataDir, 'run');
  const start = async (code: string, port = 0, stopTimeoutMs = 5_000) => {
    const script = join(dataDir, 'app.cjs');
    await writeFile(script, code);
    const log = join(dataDir, 'logs', 'app.log');
    const env = { ...process.env, PORT: String(port) };
    const child = await startNodeApp(script, { name: 'app', log, env, runDir: runDir(), stopTimeoutMs });
    started.push(child);
    return child;
  };

  it('starts an app, waits until it answers, stops it and forgets it', async () => {
    const port = await freePort();
    const app = await start(ANSWERS, port);
    await waitUntilReady(app, `http://127.0.0.1:${port}/readyz`, 10_000);
    expect(JSON.parse(readFileSync(join(runDir(), 'app.json'), 'utf8'))).toMatchObject({ pid: app.pid });
    await app.stop();
    expect(app.exit).toEqual({ code: null, signal: 'SIGTERM' });
    expect(await stopLeftovers(runDir())).toEqual([]);
  });

  it('tells of an early death with the end of its log', async () => {
    const app = await start(`console.error('no database'); process.exit(3)`);
    await expect(waitUntilReady(app, 'http://127.0.0.1:9/', 10_000)).rejects.toThrow(/exit code 3.*\n.*no database/);
  });

  it('kills what does not stop in time', async () => {
    const app = await start(IGNORES_SIGTERM, 0, 50);
    await logged(app, 'up');
    await app.stop();
    expect(app.exit?.signal).toBe('SIGKILL');
  });

  it('fails at once when the program is missing', async () => {
    const missing = { name: 'app', command: join(dataDir, 'missing'), log: () => undefined };
    await expect(startProcess(missing)).rejects.toThrow(/app can't be started: .*ENOENT/);
  });

  it('stops what a killed launcher left running', async () => {
    const app = await start(IGNORES_SIGTERM);
    await logged(app, 'up');
    const identity = { pid: app.pid, start: startOf(app.pid) ?? '' };
    expect(await stopLeftovers(runDir(), undefined, 50)).toEqual(['app']);
    await app.exited;
    expect(isRunning(identity)).toBe(false);
    expect(await stopLeftovers(runDir())).toEqual([]);
  });

  it('leaves a process alone that merely has a recorded pid', async () => {
    const app = await start(ANSWERS, await freePort());
    await logged(app, 'listening');
    const record = { name: 'app', pid: app.pid, stopSignal: 'SIGKILL' as const, startedAtMs: 0 };
    writeRunRecord(runDir(), { ...record, start: 'the start of an earlier process' });
    expect(await stopLeftovers(runDir())).toEqual([]);
    expect(app.exit).toBeUndefined();
    expect(startOf(app.pid)).toBeDefined();
  });
});
