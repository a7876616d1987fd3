import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Variables } from '@portcullis/configuration';
import { readConfig, type TokenServiceConfig } from '../config.js';

/** What went wrong is for the one who typed the command; no stack is shown. */
export class CommandError extends Error {}

/**
 * The settings of the installation to work on: those of the environment, as the token-service has them, when it names a master key;
 * else those that `npm start` wrote into its data folder.
 *
 * @throws CommandError when there are neither, ConfigurationError when they are wrong
 */
export function findSettings(env: Variables, dataDir: string | undefined): TokenServiceConfig {
  const namesMasterKey = env['PORTCULLIS_MASTER_KEY'] || env['PORTCULLIS_MASTER_KEY_FILE'];
  if (namesMasterKey && dataDir === undefined) return readConfig(env);
  return readConfig(readDataDir(dataDir ?? (env['PORTCULLIS_DATA_DIR'] || '.portcullis')));
}

function readDataDir(dataDir: string): Variables {
  const path = join(dataDir, 'token-service.json');
  try {
    return parsed(readFileSync(path, 'utf8'));
  } catch (error) {
    const how =
      'Start an installation with "npm start", name its folder with --data-dir, or set what the token-service has set';
    throw new CommandError(`${path} can't be read (${(error as Error).message}).\n${how} (docs/configuration.md).`);
  }
}

/** Node's own message repeats a part of the text, which holds the master key. */
function parsed(text: string): Variables {
  try {
    return JSON.parse(text) as Variables;
  } catch {
    throw new Error('it is no JSON');
  }
}
