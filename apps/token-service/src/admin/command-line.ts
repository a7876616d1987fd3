import 'reflect-metadata';
import type { Readable } from 'node:stream';
import { Command, CommanderError } from 'commander';
import { ConfigurationError } from '@portcullis/configuration';
import { Problem } from '@portcullis/contracts';
import { RefusedChange } from '../access/access-outcome.js';
import { isDatabaseUnavailable } from '../database/database-errors.js';
import { WrongMasterKeyError } from '../keys/master-keys.js';
import type { Session } from './command-session.js';
import { addEventCommands } from './event-commands.js';
import { Installation } from './installation.js';
import { addKeyCommands } from './key-commands.js';
import { Output } from './output.js';
import { CommandError, findSettings } from './settings.js';
import { addTokenCommands } from './token-commands.js';
import { addUpkeepCommands } from './upkeep-commands.js';
import { addUserCommands } from './user-commands.js';

/** What a command finds around it. */
export interface Shell {
  env: Readonly<Record<string, string | undefined>>;
  stdin: Readable;
  stdout: (text: string) => void;
  stderr: (text: string) => void;
}

/**
 * The admin command line: works on Postgres and NATS with the token-service's settings, whether one runs or not.
 *
 * @returns the exit code
 */
export async function runCommandLine(args: readonly string[], shell: Shell): Promise<number> {
  let code = 0;
  try {
    await commandLine(shell, () => (code = 1)).parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode; // it has said what is wrong
    shell.stderr(`${explain(error)}\n`);
    return 1;
  }
}

function commandLine(shell: Shell, fail: () => void): Command {
  const program = new Command('npm run admin --')
    .exitOverride()
    .configureOutput({ writeOut: shell.stdout, writeErr: shell.stderr })
    .description('Administers an installation of Portcullis, with the settings of its token-service.')
    .option('--json', 'answer with one JSON document')
    .option('--data-dir <folder>', 'the data folder of an installation that "npm start" made (default: .portcullis)')
    .addHelpText(
      'after',
      '\nIn production run it with the environment of a token-service. Ends with 1 when something failed.',
    );
  const options = (): { json?: boolean; dataDir?: string } => program.opts();
  const session: Session = {
    config: () => findSettings(shell.env, options().dataDir),
    output: () => new Output(options().json ?? false, shell.stdout),
    stdin: shell.stdin,
    fail,
    run: (work) => Installation.use(session.config(), work),
  };
  addUserCommands(program, session);
  addTokenCommands(program, session);
  addKeyCommands(program, session);
  addEventCommands(program, session);
  addUpkeepCommands(program, session);
  return program;
}

/** One line for what the one who typed the command can mend, all that is known for the rest. */
function explain(error: unknown): string {
  const cause = error instanceof RefusedChange ? error.problem : error;
  if (cause instanceof Problem) return cause.detail;
  const isForeseen =
    cause instanceof CommandError || cause instanceof ConfigurationError || cause instanceof WrongMasterKeyError;
  if (isForeseen) return cause.message;
  if (isDatabaseUnavailable(cause)) return `Postgres (DATABASE_URL) can't be reached: ${(cause as Error).message}`;
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
