import { type ChildProcessWithoutNullStreams, fork, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Json } from './http-client.ts';
import { INTERNAL_SECRET, MASTER_KEY, type Stack } from './stack.ts';

const COMMAND_LINE = join(import.meta.dirname, '../../apps/token-service/dist/admin');

/** To the process that runs commands, and back from it. */
export interface CommandCall {
  id: number;
  args: readonly string[];
  input: string;
  env: Record<string, string>;
}
export interface CommandOutcome {
  id: number;
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface CommandResult {
  code: number | null;
  stdout: string;
  stderr: string;
  /** What `--json` answered. */
  json: Json;
}

export interface CommandOptions {
  input?: string;
  /** Its whole environment; one that names the installation when absent. */
  env?: Record<string, string>;
  /** The installation's settings in its environment, with this master key. */
  masterKey?: string;
}

/** The admin command line, on an installation. */
export class AdminCommand {
  // Not with the options of Vitest's own processes: under those the libs are their sources.
  readonly #host = fork(join(import.meta.dirname, 'admin-command-host.ts'), {
    execArgv: [],
    env: { PATH: process.env['PATH'] },
  });
  #calls = 0;

  private constructor(
    private readonly dataDir: string,
    private readonly settings: Record<string, string>,
  ) {}

  /** Finds its settings where `npm start` leaves them. */
  static async for(stack: Stack): Promise<AdminCommand> {
    const settings = {
      DATABASE_URL: stack.database.url,
      NATS_URL: stack.nats.url,
      PORTCULLIS_INTERNAL_SECRET: INTERNAL_SECRET,
      PORTCULLIS_MASTER_KEY: MASTER_KEY,
    };
    await writeFile(join(stack.dataDir, 'token-service.json'), JSON.stringify(settings));
    return new AdminCommand(stack.dataDir, settings);
  }

  json(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.run(['--json', ...args], options);
  }

  /** In one process for all: to start one takes longer than most commands do. */
  async run(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const { input = '' } = options;
    const env = this.#envFor(options);
    const id = (this.#calls += 1);
    const { promise, resolve } = Promise.withResolvers<CommandOutcome>();
    const take = (outcome: CommandOutcome): void => void (outcome.id === id && resolve(outcome));
    this.#host.on('message', take).send({ id, args, input, env } satisfies CommandCall);
    const { code, stdout, stderr } = await promise;
    this.#host.off('message', take);
    return resultOf(args, code, stdout, stderr);
  }

  /** As `npm run admin` runs it, and leaves it running. */
  start(args: readonly string[], options: CommandOptions = {}): ChildProcessWithoutNullStreams {
    const env = { PATH: process.env['PATH'], ...this.#envFor(options) };
    const child = spawn(process.execPath, [join(COMMAND_LINE, 'main.js'), ...args], { env });
    child.stdin.end(options.input ?? '');
    return child;
  }

  /** As `npm run admin` runs it. */
  async runAsProcess(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const child = this.start(args, options);
    const ended = new Promise<number | null>((resolve) => void child.once('close', resolve));
    const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    return resultOf(args, code, stdout, stderr);
  }

  stop(): void {
    this.#host.disconnect();
  }

  #envFor({ env, masterKey }: CommandOptions): Record<string, string> {
    if (env) return env;
    return masterKey ? { ...this.settings, PORTCULLIS_MASTER_KEY: masterKey } : { PORTCULLIS_DATA_DIR: this.dataDir };
  }
}

function resultOf(args: readonly string[], code: number | null, stdout: string, stderr: string): CommandResult {
  const isJson = args.includes('--json') && stdout.startsWith('{');
  return { code, stdout, stderr, json: isJson ? (JSON.parse(stdout) as Json) : undefined };
}
