import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedPostgres, startPostgres } from './embedded-postgres.ts';
import { type NatsServer, startNats } from './nats-server.ts';
import { startOf } from './process-identity.ts';
import { makeTemporaryDataDir, removeDataDir } from './temporary-dir.ts';

const TIMEOUT_MS = 60_000;

/** A launcher of its own that can be killed: it starts both servers and says where they are. */
const LAUNCHER = `
  import { startPostgres } from ${JSON.stringify(new URL('embedded-postgres.ts', import.meta.url).href)};
  import { startNats } from ${JSON.stringify(new URL('nats-server.ts', import.meta.url).href)};
  const dataDir = process.env.DATA_DIR;
  const postgres = await startPostgres({ dataDir });
  const nats = await startNats({ dataDir });
  console.log(JSON.stringify({ postgres: { url: postgres.url, pid: postgres.pid }, nats: { url: nats.url, pid: nats.pid } }));`;

interface Launched {
  postgres: { url: string; pid: number };
  nats: { url: string; pid: number };
}

describe('the embedded Postgres and nats-server', { timeout: TIMEOUT_MS }, () => {
  let dataDir: string;
  let launcher: ChildProcess | undefined;
  let postgres: EmbeddedPostgres | undefined;
  let nats: NatsServer | undefined;

  beforeEach(async () => (dataDir = await makeTemporaryDataDir()));
  afterEach(async () => {
    launcher?.kill('SIGKILL');
    await Promise.all([postgres?.stop(), nats?.stop()]);
    postgres = nats = launcher = undefined;
    await removeDataDir(dataDir);
  }, TIMEOUT_MS);

  const launch = async (): Promise<Launched> => {
    const args = ['--input-type=module', '--eval', LAUNCHER];
    const env = { ...process.env, DATA_DIR: dataDir };
    launcher = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(launcher.stdout!, 'data')) as [Buffer];
    return JSON.parse(line.toString()) as Launched;
  };
  const killLauncher = async (): Promise<void> => {
    const ended = once(launcher!, 'exit');
    launcher!.kill('SIGKILL');
    await ended;
  };

  it('keep their data when the launcher is killed, and leave no server behind', async () => {
    const first = await launch();
    await query(first.postgres.url, 'CREATE TABLE kept (id int)', 'INSERT INTO kept VALUES (42)');
    await publish(first.nats.url);
    await killLauncher();
    expect(startOf(first.postgres.pid)).toBeDefined();
    expect(startOf(first.nats.pid)).toBeDefined();

    postgres = await startPostgres({ dataDir });
    nats = await startNats({ dataDir });
    expect(startOf(first.postgres.pid)).toBeUndefined();
    expect(startOf(first.nats.pid)).toBeUndefined();
    expect(await query(postgres.url, 'SELECT id FROM kept')).toEqual([{ id: 42 }]);
    expect(await storedMessages(nats.url)).toBe(1);
  });

  it('keep their data when everything is killed at once', async () => {
    const first = await launch();
    await query(first.postgres.url, 'CREATE TABLE kept (id int)', 'INSERT INTO kept VALUES (42)');
    await publish(first.nats.url);
    for (const pid of [launcher!.pid!, first.postgres.pid, first.nats.pid]) process.kill(pid, 'SIGKILL');

    postgres = await startPostgres({ dataDir });
    nats = await startNats({ dataDir });
    expect(await query(postgres.url, 'SELECT id FROM kept')).toEqual([{ id: 42 }]);
    expect(await storedMessages(nats.url)).toBe(1);
  });

  it('start although the recorded pid of Postgres belongs to another program by now', async () => {
    postgres = await startPostgres({ dataDir });
    await postgres.stop();
    await writeFile(join(postgres.clusterDir, 'postmaster.pid'), `${process.pid}\n`);
    postgres = await startPostgres({ dataDir });
    expect(await query(postgres.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('listen on loopback only, and let nobody in without the password', async () => {
    postgres = await startPostgres({ dataDir });
    expect(await query(postgres.superuserUrl, 'SHOW listen_addresses', 'SHOW unix_socket_directories')).toEqual([
      { unix_socket_directories: '' },
    ]);
    const wrong = new URL(postgres.url);
    wrong.password = 'wrong';
    await expect(query(wrong.href, 'SELECT 1')).rejects.toThrow('password authentication failed');
    expect((await stat(join(dataDir, 'postgres-password'))).mode & 0o777).toBe(0o600);
  });

  it('say what is wrong when a server does not come up', async () => {
    const settings = { shared_buffers: 'many' };
    await expect(startPostgres({ dataDir, settings })).rejects.toThrow(/postgres ended .*\n.*shared_buffers/);
    await expect(startNats({ dataDir, binary: join(dataDir, 'none') })).rejects.toThrow(/nats can't be started/);
  });
});

/** Runs statements one after another; gives the rows of the last. */
async function query(url: string, ...statements: string[]): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  // The server is killed under it on purpose.
  client.on('error', () => undefined);
  await client.connect();
  try {
    let rows: unknown[] = [];
    for (const statement of statements) rows = (await client.query(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

async function publish(url: string): Promise<void> {
  const connection = await connect({ servers: url });
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: 'KEPT', subjects: ['kept'] });
  await jetstream(connection).publish('kept', 'message');
  await connection.close();
}

async function storedMessages(url: string): Promise<number> {
  const connection = await connect({ servers: url });
  const info = await (await jetstreamManager(connection)).streams.info('KEPT');
  await connection.close();
  return info.state.messages;
}
