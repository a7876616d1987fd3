import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runCommand } from './run-command.ts';

export interface FindChromiumOptions {
  env?: NodeJS.ProcessEnv;
  /** Is told, in one line, what takes long. */
  notice?: (line: string) => void;
}

const PROBE_TIMEOUT_MS = 20_000;
const INSTALL_TIMEOUT_MS = 15 * 60_000;
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const USUAL_PATHS = [
  '/usr/bin/chromium',
  '/usr/bin/google-chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];
const HOW_TO_GET_IT =
  'Chromium was not found, and the console is tested in it. Get it (Debian: "sudo apt-get install chromium"; macOS: ' +
  '"brew install --cask chromium") and put it on the PATH, or name it in CHROMIUM_BIN.';

/**
 * Finds a Chromium: `CHROMIUM_BIN`, the PATH, the usual places; as root on Debian it is installed.
 *
 * @returns its path.
 * @throws one message that says how to get it.
 */
export async function ensureChromium({ env = process.env, notice }: FindChromiumOptions = {}): Promise<string> {
  const named = env['CHROMIUM_BIN'];
  if (named) {
    if (await runs(named)) return named;
    throw new Error(`CHROMIUM_BIN is ${named}, and that is not a Chromium that runs`);
  }
  const found = await find(env);
  if (found) return found;
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) throw new Error(HOW_TO_GET_IT);
  notice?.('installing chromium with apt-get …');
  await install(env);
  const installed = await find(env);
  if (!installed) throw new Error(HOW_TO_GET_IT);
  return installed;
}

async function find(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const folders = (env['PATH'] ?? '').split(delimiter).filter(Boolean);
  const paths = folders.flatMap((folder) => NAMES.map((name) => join(folder, name)));
  for (const path of [...paths, ...USUAL_PATHS]) {
    if (existsSync(path) && (await runs(path))) return path;
  }
  return undefined;
}

async function runs(path: string): Promise<boolean> {
  const { code, output } = await runCommand(path, ['--version'], { timeoutMs: PROBE_TIMEOUT_MS });
  return code === 0 && /chrom/i.test(output);
}

async function install(env: NodeJS.ProcessEnv): Promise<void> {
  const options = { env: { ...env, DEBIAN_FRONTEND: 'noninteractive' }, timeoutMs: INSTALL_TIMEOUT_MS };
  const wait = ['-o', 'DPkg::Lock::Timeout=120'];
  for (const args of [
    [...wait, 'update'],
    [...wait, 'install', '-y', '--no-install-recommends', 'chromium', 'fonts-dejavu-core'],
  ]) {
    const { code, output } = await runCommand('apt-get', args, options);
    // A source that can't be reached fails the update; what the others offer may do.
    if (code !== 0 && args.includes('install')) throw new Error(`${HOW_TO_GET_IT}\napt-get said:\n${output}`);
  }
}
