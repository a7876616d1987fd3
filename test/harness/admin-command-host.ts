import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { CommandCall, CommandOutcome } from './admin-command.ts';

interface Shell {
  env: Record<string, string>;
  stdin: Readable;
  stdout: (text: string) => void;
  stderr: (text: string) => void;
}

// Runs admin commands, one after the other or at once, in the process of a parent that asks for them.
const path = join(import.meta.dirname, '../../apps/token-service/dist/admin/command-line.js');
const { runCommandLine } = (await import(path)) as {
  runCommandLine: (args: readonly string[], shell: Shell) => Promise<number>;
};

process.on('message', ({ id, args, input, env }: CommandCall) => {
  let [stdout, stderr] = ['', ''];
  const shell: Shell = {
    env,
    stdin: Readable.from([input]),
    stdout: (text) => (stdout += text),
    stderr: (text) => (stderr += text),
  };
  void runCommandLine(args, shell).then((code) => process.send!({ id, code, stdout, stderr } satisfies CommandOutcome));
});
process.on('disconnect', () => process.exit());
