import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Services } from '../../scripts/start/services.ts';
import { freePort, portProblem } from '../../scripts/stack/free-port.ts';
import { stopLeftovers } from '../../scripts/stack/leftovers.ts';
import { waitUntil } from './wait-until.ts';

export const REPOSITORY = join(import.meta.dirname, '..', '..');
const READY_MS = 90_000;

export interface LauncherOptions {
  dataDir: string;
  port: number;
  gateways?: number;
}

/** `npm start` in a terminal of its own, as a user has it: with the user's Node first on the PATH, not the pinned one. */
export class Launcher {
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  #output = '';

  constructor(
    private readonly options: LauncherOptions,
    args: readonly string[] = [],
  ) {
    const command = ['start', ...(args.length > 0 ? ['--', ...args] : [])];
    // A process group of its own, as a shell makes for a command: that is what a Ctrl-C is sent to.
    this.#child = spawn('npm', command, { cwd: REPOSITORY, env: environment(options), detached: true });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
    this.exited = once(this.#child, 'close').then(([code]) => code as number | null);
  }

  /** All that it has written to the terminal. */
  get output(): string {
    return this.#output;
  }

  /** @returns what `services.json` says once everything is up. @throws with the output when it ends before */
  async ready(): Promise<Services> {
    await waitUntil(
      'npm start to be ready',
      () => {
        if (this.#child.exitCode !== null) throw new Error(`npm start has ended:\n${this.#output}`);
        return this.#output.includes('Ctrl-C stops everything');
      },
      READY_MS,
    );
    return JSON.parse(await readFile(join(this.options.dataDir, 'services.json'), 'utf8')) as Services;
  }

  /** The key in the terminal. @returns the exit code */
  ctrlC(): Promise<number | null> {
    return this.#signal('SIGINT');
  }

  /** Kills npm and the launcher, so that nobody tells the parts to stop. */
  killLauncher(): Promise<number | null> {
    return this.#signal('SIGKILL');
  }

  /** Ends whatever runs, whatever state a test has left it in. */
  async cleanUp(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.ctrlC();
    await stopLeftovers(join(this.options.dataDir, 'run'));
  }

  #signal(signal: NodeJS.Signals): Promise<number | null> {
    process.kill(-this.#child.pid!, signal);
    return this.exited;
  }
}

/** The first of some ports in a row that nothing listens on. */
export async function freePorts(count: number): Promise<number> {
  return waitUntil(`${count} free ports in a row`, async () => {
    const first = await freePort();
    const rest = Array.from({ length: count - 1 }, (_, i) => portProblem(first + 1 + i));
    return (await Promise.all(rest)).every((problem) => problem === undefined) && first;
  });
}

/** Nothing of the test run's own settings. */
function environment({ dataDir, port, gateways = 1 }: LauncherOptions): NodeJS.ProcessEnv {
  const { HOME, LANG, NATS_SERVER_BIN, PATH = '' } = process.env;
  const path = PATH.split(':').filter((folder) => !folder.endsWith(join('node_modules', '.bin')));
  return {
    HOME,
    LANG,
    ...(NATS_SERVER_BIN && { NATS_SERVER_BIN }),
    PATH: path.join(':'),
    PORTCULLIS_DATA_DIR: dataDir,
    PORTCULLIS_PORT: String(port),
    PORTCULLIS_GATEWAYS: String(gateways),
  };
}
