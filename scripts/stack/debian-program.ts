import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runCommand } from './run-command.ts';

/** A program that Debian and Ubuntu have a package for. */
export interface DebianProgram {
  /** Of the program and of its package. */
  name: string;
  /** The variable that names the program to run. */
  variable: string;
  /** Makes it print its version, which is to look like this. */
  versionArgument: string;
  version: RegExp;
  /** What it is called elsewhere, and where it is then, if not on the PATH. */
  otherNames?: readonly string[];
  otherPaths?: readonly string[];
  /** Packages that it needs, and does not ask for by itself. */
  otherPackages?: readonly string[];
  /** One message, for whoever has to get it by hand. */
  howToGetIt: string;
}

export interface FindProgramOptions {
  env?: NodeJS.ProcessEnv;
  /** Is told, in one line, what takes long. */
  notice?: (line: string) => void;
}

const PROBE_TIMEOUT_MS = 20_000;
const INSTALL_TIMEOUT_MS = 15 * 60_000;
const USUAL_FOLDERS = ['/usr/sbin', '/usr/local/bin', '/usr/bin', '/opt/homebrew/bin'];

/**
 * Finds a program: its variable, the PATH, the usual folders; as root on Debian and Ubuntu it is installed.
 *
 * @returns its path.
 * @throws one message that says how to get it.
 */
export async function ensureProgram(
  program: DebianProgram,
  { env = process.env, notice }: FindProgramOptions = {},
): Promise<string> {
  const named = env[program.variable];
  if (named) {
    if (await runs(program, named)) return named;
    throw new Error(`${program.variable} is ${named}, and that is not a ${program.name} that runs`);
  }
  const found = await find(program, env);
  if (found) return found;
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) throw new Error(program.howToGetIt);
  notice?.(`installing ${program.name} with apt-get …`);
  await install(program, env);
  const installed = await find(program, env);
  if (!installed) throw new Error(program.howToGetIt);
  return installed;
}

async function find(program: DebianProgram, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const { name, otherNames = [], otherPaths = [] } = program;
  const folders = [...(env['PATH'] ?? '').split(delimiter).filter(Boolean), ...USUAL_FOLDERS];
  const paths = folders.flatMap((folder) => [name, ...otherNames].map((each) => join(folder, each)));
  for (const path of [...paths, ...otherPaths]) {
    if (existsSync(path) && (await runs(program, path))) return path;
  }
  return undefined;
}

async function runs({ versionArgument, version }: DebianProgram, path: string): Promise<boolean> {
  const { code, output } = await runCommand(path, [versionArgument], { timeoutMs: PROBE_TIMEOUT_MS });
  return code !== null && version.test(output); // some end with an error all the same
}

async function install({ name, otherPackages = [], howToGetIt }: DebianProgram, env: NodeJS.ProcessEnv): Promise<void> {
  const options = { env: { ...env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }, timeoutMs: INSTALL_TIMEOUT_MS };
  const wait = ['-o', 'DPkg::Lock::Timeout=120'];
  for (const args of [
    [...wait, 'update'],
    [...wait, 'install', '-y', '--no-install-recommends', name, ...otherPackages],
  ]) {
    const { code, output } = await runCommand('apt-get', args, options);
    // A source that can't be reached fails the update; what the others offer may do.
    if (code !== 0 && args.includes('install')) throw new Error(`${howToGetIt}\napt-get said:\n${output}`);
  }
  // The package may bring a service that listens on every address; nobody asked for that. RUNLEVEL keeps it from starting where
  // there is no systemd.
  for (const verb of ['disable', 'stop']) {
    await runCommand('systemctl', [verb, name], { timeoutMs: PROBE_TIMEOUT_MS });
  }
}
