import { execFile } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Services } from '../scripts/start/services.ts';
import { startOf } from '../scripts/stack/process-identity.ts';
import { makeTemporaryDataDir, removeDataDir } from '../scripts/stack/temporary-dir.ts';
import { makeServiceToken } from './harness/fixtures.ts';
import { HttpClient } from './harness/http-client.ts';
import { freePorts, Launcher, REPOSITORY } from './harness/launcher.ts';
import { waitUntil } from './harness/wait-until.ts';

const STARTING_MS = 120_000;
const SECRETS = ['admin-password', 'admin-token', 'internal-secret', 'master-key', 'postgres-password'];
const run = promisify(execFile);

/** A data folder, and the stacks that were started on it one after the other. */
class Installation {
  readonly launchers: Launcher[] = [];
  services: Services;
  /** A token that was made in this test, and its id. */
  token: { id: number; bearer_token: string };

  private constructor(
    readonly dataDir: string,
    readonly port: number,
    readonly gateways: number,
  ) {}

  static async create(gateways: number): Promise<Installation> {
    return new Installation(await makeTemporaryDataDir('portcullis-start-'), await freePorts(gateways), gateways);
  }

  get launcher(): Launcher {
    return this.launchers.at(-1)!;
  }

  get admin(): HttpClient {
    return new HttpClient(this.services.gateways[0]!.url, this.secret('admin-token'));
  }

  get masterKey(): string {
    return join(this.dataDir, 'master-key');
  }

  launch(): Launcher {
    this.launchers.push(new Launcher(this));
    return this.launcher;
  }

  async start(): Promise<void> {
    this.services = await this.launch().ready();
  }

  secret(name: string): string {
    return readFileSync(join(this.dataDir, name), 'utf8').trim();
  }

  /** Everything that `services.json` says was started here. */
  pids(): number[] {
    const { gateways, token_service, nats, postgres, example_upstream } = this.services;
    return [...gateways, token_service, nats, postgres, example_upstream].map(({ pid }) => pid!);
  }

  async tokenOpens(): Promise<boolean> {
    return (await this.admin.get('/api/datastores', { token: this.token.bearer_token })).status === 200;
  }

  async cleanUp(): Promise<void> {
    await this.launcher.cleanUp();
    await removeDataDir(this.dataDir);
  }
}

let first: Installation;
let second: Installation;

beforeAll(async () => {
  [first, second] = [await Installation.create(2), await Installation.create(1)];
  await Promise.all([first.start(), second.start()]);
}, STARTING_MS);
afterAll(() => Promise.all([first.cleanUp(), second.cleanUp()]), STARTING_MS);

const alive = (pids: readonly number[]): number[] => pids.filter((pid) => startOf(pid) !== undefined);
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

describe('npm start', { timeout: STARTING_MS }, () => {
  it('lists its options, and starts nothing', async () => {
    const dataDir = join(first.dataDir, 'none');
    const help = new Launcher({ dataDir, port: first.port }, ['--help']);
    expect(await help.exited).toBe(0);
    expect(help.output).toMatch(/--port .*PORTCULLIS_PORT/);
    expect(existsSync(dataDir)).toBe(false);
  });

  it('has every gateway ready at PORT, PORT+1, …', async () => {
    for (const port of [first.port, first.port + 1]) {
      expect((await new HttpClient(`http://127.0.0.1:${port}`).get('/readyz')).status).toBe(200);
    }
  });

  it('says in services.json where everything is', async () => {
    const service = { url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/), pid: expect.any(Number) };
    expect(first.services).toStrictEqual({
      gateways: [
        { url: `http://127.0.0.1:${first.port}`, pid: expect.any(Number), instance: 'gw-1' },
        { url: `http://127.0.0.1:${first.port + 1}`, pid: expect.any(Number), instance: 'gw-2' },
      ],
      token_service: service,
      nats: { ...service, url: expect.stringMatching(/^nats:\/\/127\.0\.0\.1:\d+$/) },
      postgres: {
        ...service,
        url: expect.stringMatching(/^postgres:\/\/portcullis:[^@]+@127\.0\.0\.1:\d+\/portcullis$/),
      },
      example_upstream: service,
      console_url: `http://127.0.0.1:${first.port}/`,
    });
    expect(alive(first.pids())).toEqual(first.pids());
    expect((await new HttpClient(first.services.example_upstream.url).get('/api/datastores')).status).toBe(200);
  });

  it('keeps its secrets in files that only their owner can read, and prints none', () => {
    for (const name of SECRETS) {
      expect(modeOf(join(first.dataDir, name)), name).toBe('600');
      expect(first.launcher.output.includes(first.secret(name)), name).toBe(false);
    }
    expect(modeOf(join(first.dataDir, 'services.json'))).toBe('600');
    expect(first.launcher.output).toContain(`cat ${first.dataDir}/admin-password`);
  });

  it('listens on loopback only', async () => {
    const internal = JSON.parse(await readFile(join(first.dataDir, 'ports.json'), 'utf8')) as Record<string, number>;
    const ports = [first.port, first.port + 1, ...Object.values(internal)];
    for (const address of outsideAddresses()) {
      for (const port of ports) expect(await connects(address, port), `${address} ${port}`).toBe(false);
    }
  });

  it('does what the README says, by curl', async () => {
    const { stdout } = await runFromReadme(first, 'sh', 'bash', ['-eu']);
    expect(stdout).toMatch(/"user":"reports@service"/);
    expect(stdout).toMatch(/"receipt":\{"seq":\d+,"confirmed":\["gw-1","gw-2"\],"expired":\[\],"elapsed_ms":[\d.]+\}/);
    expect(stdout).toMatch(/HTTP\/1\.1 401 [^]*"detail":"The token has been revoked"/);
  });

  it('does what the README says, from Python', async ({ skip }) => {
    await run('python3', ['-c', 'import requests']).catch(() => skip('python3 or its package requests is not here'));
    const { stdout } = await runFromReadme(first, 'python', 'python3', []);
    expect(stdout).toMatch(/'confirmed': \['gw-1', 'gw-2'\]/);
    expect(stdout).toMatch(/^401 The token has been revoked$/m);
  });

  it('refuses a data folder that is in use', async () => {
    const again = new Launcher(first);
    expect(await again.exited).toBe(1);
    expect(again.output).toContain(`${first.dataDir} is in use`);
    expect(alive(first.pids())).toEqual(first.pids());
  });
});

describe('two stacks on one machine', { timeout: STARTING_MS }, () => {
  it('know nothing of each other', async () => {
    for (const each of [first, second]) each.token = await makeServiceToken(each.admin);
    expect(await first.tokenOpens()).toBe(true);
    expect((await first.admin.get('/api/users/me', { token: second.token.bearer_token })).status).toBe(401);
    expect(new Set([...first.pids(), ...second.pids()]).size).toBe(first.pids().length + second.pids().length);
  });

  it('Ctrl-C stops all that one has started, and nothing else', async () => {
    expect(await first.launcher.ctrlC()).toBe(0);
    expect(alive(first.pids())).toEqual([]);
    expect(existsSync(join(first.dataDir, 'services.json'))).toBe(false);
    expect(await second.tokenOpens()).toBe(true);
  });

  it('both start again: one after Ctrl-C, one after a kill -9 of its launcher; nothing is lost or built again', async () => {
    const [adminToken, orphans] = [first.secret('admin-token'), second.pids()];
    await second.launcher.killLauncher();
    expect(alive(orphans).length).toBeGreaterThan(0);
    await Promise.all([first.start(), second.start()]);
    expect(alive(orphans)).toEqual([]);
    expect(second.launcher.output).toContain('stopped what an earlier start left running');
    expect(first.secret('admin-token')).toBe(adminToken);
    for (const each of [first, second]) {
      expect(each.launcher.output).toMatch(/^build +up to date/m);
      expect(await each.tokenOpens()).toBe(true);
      expect((await each.admin.get('/api/users/me')).body).toMatchObject({ user_id: 'admin', role: 'Admin' });
    }
  });
});

describe('a part that dies', { timeout: STARTING_MS }, () => {
  it('ends the stack, which says which one it was', async () => {
    process.kill(second.services.gateways[0]!.pid, 'SIGKILL');
    expect(await second.launcher.exited).toBe(1);
    expect(second.launcher.output).toContain('gw-1 ended (killed by SIGKILL)');
    expect(alive(second.pids())).toEqual([]);
  });
});

describe('the master key', { timeout: STARTING_MS }, () => {
  it('must be the one that the database was made with', async () => {
    await waitUntil('the second stack is down', () => alive(second.pids()).length === 0);
    await copyFile(second.masterKey, `${second.masterKey}.kept`);
    await copyFile(first.masterKey, second.masterKey);
    const lines = (await failedStart(second)).split('\n').filter((line) => line.includes('master key'));
    expect(lines).toEqual([expect.stringContaining('The master key does not fit this database')]);
  });

  it('must be a key, and must be there', async () => {
    await writeFile(second.masterKey, 'junk');
    expect(await failedStart(second)).toContain(`${second.masterKey} is not a master key`);
    await rm(second.masterKey);
    expect(await failedStart(second)).toContain(`${second.masterKey} is missing`);
    expect(existsSync(second.masterKey)).toBe(false);
  });

  it('opens the database again when it is put back', async () => {
    await copyFile(`${second.masterKey}.kept`, second.masterKey);
    await second.start();
    expect(await second.tokenOpens()).toBe(true);
    expect(modeOf(second.masterKey)).toBe('600');
  });
});

/** Starts what can't start. @returns what it says */
async function failedStart(installation: Installation): Promise<string> {
  expect(await installation.launch().exited).toBe(1);
  return installation.launcher.output;
}

function outsideAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.filter(({ internal, family }) => !internal && family === 'IPv4').map(({ address }) => address);
}

function connects(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host, port, timeout: 2_000 });
  for (const event of ['error', 'timeout'] as const) socket.once(event, () => resolve(false));
  socket.once('connect', () => resolve(true));
  return promise.finally(() => socket.destroy());
}

/** Runs the first code block of a language in the README, with this installation's port and data folder in it. */
async function runFromReadme(
  { dataDir, port }: Installation,
  language: string,
  command: string,
  args: string[],
): Promise<{ stdout: string }> {
  const readme = await readFile(join(REPOSITORY, 'README.md'), 'utf8');
  const block = new RegExp(`## A first token[^]*?\`\`\`${language}\\n([^]*?)\`\`\``).exec(readme)?.[1];
  expect(block, language).toBeDefined();
  const code = block!.replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`).replaceAll('.portcullis/', `${dataDir}/`);
  const file = join(dataDir, `readme.${language}`);
  await writeFile(file, code);
  return run(command, [...args, file], { cwd: REPOSITORY });
}
