import { spawn } from 'node:child_process';

export interface CommandOptions {
  /** What the command reads from its standard input. */
  input?: string;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  user?: { uid: number; gid: number } | undefined;
  timeoutMs: number;
}

export interface CommandResult {
  /** `null` when it was killed or could not be started. */
  code: number | null;
  /** Standard output and standard error as they came. */
  output: string;
}

/** Runs a command to its end, or kills it when the time is over. Never throws for what the command does. */
export function runCommand(command: string, args: readonly string[], options: CommandOptions): Promise<CommandResult> {
  const { promise, resolve } = Promise.withResolvers<CommandResult>();
  const child = spawn(command, args, {
    env: options.env ?? process.env,
    timeout: options.timeoutMs,
    killSignal: 'SIGKILL',
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...options.user,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  child.once('error', (error) => resolve({ code: null, output: error.message }));
  child.once('close', (code) => resolve({ code, output }));
  // A command that ends before it has read its input breaks the pipe; its exit code tells what matters.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  return promise;
}
