import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Json } from './http-client.ts';
import { INTERNAL_SECRET, MASTER_KEY, type Stack } from './stack.ts';

const COMMAND_LINE = join(import.meta.dirname, '../../apps/token-service/dist/admin/main.js');

export interface CommandResult {
  code: number | null;
  stdout: string;
  stderr: string;
  /** What `--json` answered. */
  json: Json;
}

export interface CommandOptions {
  input?: string;
  /** Instead of what `npm start` leaves. */
  env?: Record<string, string>;
  /** The same settings by the environment, with this master key. */
  masterKey?: string;
}

/** The admin command line, as `npm run admin` runs it, on an installation. */
export class AdminCommand {
  private constructor(
    private readonly inDataDir: Record<string, string>,
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
    return new AdminCommand({ PORTCULLIS_DATA_DIR: stack.dataDir }, settings);
  }

  json(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.run(['--json', ...args], options);
  }

  /** Starts it and leaves it running. */
  start(args: readonly string[], { input = '', env, masterKey }: CommandOptions = {}): ChildProcessWithoutNullStreams {
    const settings = env ?? (masterKey ? { ...this.settings, PORTCULLIS_MASTER_KEY: masterKey } : this.inDataDir);
    const child = spawn(process.execPath, [COMMAND_LINE, ...args], { env: { PATH: process.env['PATH'], ...settings } });
    child.stdin.end(input);
    return child;
  }

  async run(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const child = this.start(args, options);
    const ended = new Promise<number | null>((resolve) => void child.once('close', resolve));
    const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    const isJson = args.includes('--json') && stdout.startsWith('{');
    return { code, stdout, stderr, json: isJson ? (JSON.parse(stdout) as Json) : undefined };
  }
}
