import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runCommand } from './run-command.ts';

export interface FindNatsOptions {
  env?: NodeJS.ProcessEnv;
  /** Is told, in one line, what takes long. */
  notice?: (line: string) => void;
}

const PROBE_TIMEOUT_MS = 10_000;
const INSTALL_TIMEOUT_MS = 10 * 60_000;
const USUAL_FOLDERS = ['/usr/sbin', '/usr/local/bin', '/usr/bin', '/opt/homebrew/bin'];
const HOW_TO_GET_IT =
  'nats-server was not found. Get it (Debian, Ubuntu: "sudo apt-get install nats-server"; macOS: "brew install ' +
  'nats-server"; others: https://github.com/nats-io/nats-server/releases) and put it on the PATH, name it in ' +
  'NATS_SERVER_BIN, or set NATS_URL to a NATS with JetStream that runs already.';

/**
 * Finds a nats-server: `NATS_SERVER_BIN`, the PATH, the usual folders; as root on Debian and Ubuntu it is installed.
 *
 * @returns its path.
 * @throws one message that says how to get it.
 */
export async function ensureNatsServer({ env = process.env, notice }: FindNatsOptions = {}): Promise<string> {
  const named = env['NATS_SERVER_BIN'];
  if (named) {
    if (await runs(named)) return named;
    throw new Error(`NATS_SERVER_BIN is ${named}, and that is not a nats-server that runs`);
  }
  const found = await find(env);
  if (found) return found;
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) throw new Error(HOW_TO_GET_IT);
  notice?.('installing nats-server with apt-get …');
  await install(env);
  const installed = await find(env);
  if (!installed) throw new Error(HOW_TO_GET_IT);
  return installed;
}

async function find(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const folders = [...(env['PATH'] ?? '').split(delimiter).filter(Boolean), ...USUAL_FOLDERS];
  for (const path of folders.map((folder) => join(folder, 'nats-server'))) {
    if (existsSync(path) && (await runs(path))) return path;
  }
  return undefined;
}

async function runs(path: string): Promise<boolean> {
  const { code, output } = await runCommand(path, ['--version'], { timeoutMs: PROBE_TIMEOUT_MS });
  return code === 0 && output.startsWith('nats-server');
}

async function install(env: NodeJS.ProcessEnv): Promise<void> {
  const options = { env: { ...env, DEBIAN_FRONTEND: 'noninteractive' }, timeoutMs: INSTALL_TIMEOUT_MS };
  const wait = ['-o', 'DPkg::Lock::Timeout=120'];
  for (const args of [
    [...wait, 'update'],
    [...wait, 'install', '-y', '--no-install-recommends', 'nats-server'],
  ]) {
    const { code, output } = await runCommand('apt-get', args, options);
    // A source that can't be reached fails the update; what the others offer may do.
    if (code !== 0 && args.includes('install')) throw new Error(`${HOW_TO_GET_IT}\napt-get said:\n${output}`);
  }
  // The package brings a service that listens on every address, without JetStream; nobody asked for that.
  for (const verb of ['disable', 'stop']) {
    await runCommand('systemctl', [verb, 'nats-server'], { timeoutMs: PROBE_TIMEOUT_MS });
  }
}
