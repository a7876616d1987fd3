import { mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { writeFileAtomic } from './atomic-file.ts';
import { freePort } from './free-port.ts';
import { stopLeftovers } from './leftovers.ts';
import { ensureNatsServer } from './nats-server-binary.ts';
import { type ManagedProcess, processDied, startProcess } from './processes.ts';
import { waitFor } from './wait-for.ts';

export interface NatsServerOptions {
  /** The stack's data folder: the configuration and JetStream's files go to `nats/` in it. */
  dataDir: string;
  /** A free one when absent. */
  port?: number;
  /** The program; looked for, and installed where possible, when absent. */
  binary?: string;
  /** A file or a sink; `<dataDir>/logs/nats.log` when absent. */
  log?: string | ((text: string) => void);
  /** Is told, in one line, what the user should know. */
  notice?: (line: string) => void;
}

export interface NatsServer {
  url: string;
  port: number;
  pid: number;
  process: ManagedProcess;
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';
const READY_TIMEOUT_MS = 60_000;

/**
 * Starts a nats-server with JetStream on loopback, on the data of earlier starts, if there are any. One that an earlier,
 * killed launcher left on this data is stopped first: two on one store would destroy it.
 *
 * @throws with the end of its log when it does not become ready.
 */
export async function startNats(options: NatsServerOptions): Promise<NatsServer> {
  const { dataDir, notice } = options;
  const home = join(dataDir, 'nats');
  const runDir = join(dataDir, 'run');
  await mkdir(home, { recursive: true, mode: 0o711 });
  await stopLeftovers(runDir, 'nats');
  const binary = options.binary ?? (await ensureNatsServer(notice ? { notice } : {}));
  const port = options.port ?? (await freePort());
  const config = join(home, 'nats.conf');
  await writeFileAtomic(config, configuration(port, join(home, 'jetstream')), 0o600);
  const log = options.log ?? join(dataDir, 'logs', 'nats.log');
  const server = await startProcess({ name: 'nats', command: binary, args: ['-c', config], log, runDir });
  try {
    await waitFor('nats-server to be ready', () => isReady(server, port), { timeoutMs: READY_TIMEOUT_MS });
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { url: `nats://${HOST}:${port}`, port, pid: server.pid, process: server, stop: () => server.stop() };
}

function configuration(port: number, storeDir: string): string {
  return `# Written by Portcullis at every start.
server_name: portcullis
listen: "${HOST}:${port}"
jetstream {
  store_dir: ${JSON.stringify(storeDir)}
  max_memory_store: 128MB
  max_file_store: 20GB
}
`;
}

async function isReady(server: ManagedProcess, port: number): Promise<boolean> {
  if (server.exit) throw processDied(server);
  return (await greeting(port)).includes('"jetstream":true');
}

/** @returns the INFO line that a NATS server sends first, or nothing when there is none within a second. */
function greeting(port: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ port, host: HOST, timeout: 1_000 });
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      if (text.includes('\n')) socket.destroy();
    });
    socket.once('timeout', () => socket.destroy());
    socket.once('error', () => undefined);
    socket.once('close', () => resolve(text));
  });
}
