import { rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { DataDirInUseError, type DataDirLock, lockDataDir } from '../stack/data-dir-lock.ts';
import { stopLeftovers } from '../stack/leftovers.ts';
import { makeFolder } from '../stack/make-folder.ts';
import { Ending } from './ending.ts';
import { readOptions } from './options.mjs';
import { Progress } from './progress.ts';
import { summary } from './services.ts';
import { startStack } from './stack.ts';

const repository = join(import.meta.dirname, '..', '..');
const options = readOptions(process.argv.slice(2), process.env);
const { dataDir } = options;
const progress = new Progress();

const servicesFile = join(dataDir, 'services.json');
const ending = new Ending(progress, await takeDataDir(), servicesFile);
ending.listen();
try {
  // What an earlier start wrote would send tools to the wrong place.
  await rm(servicesFile, { force: true });
  const leftovers = await stopLeftovers(join(dataDir, 'run'));
  if (leftovers.length > 0) progress.say(`stopped what an earlier start left running: ${leftovers.join(', ')}`);
  const { parts } = ending;
  const { services, routesFile } = await startStack({ repository, options, env: process.env, progress, parts });
  progress.say(`\nPortcullis is up (${progress.total()}).\n\n${summary(services, shown(dataDir), shown(routesFile))}`);
} catch (error) {
  await ending.end(1, error instanceof Error ? error.message : String(error));
}

async function takeDataDir(): Promise<DataDirLock> {
  try {
    // Others may pass through, not look in: for root, Postgres runs as another user. Each secret has its own 0600.
    await makeFolder(dataDir, 0o711);
    return await lockDataDir(dataDir);
  } catch (error) {
    const isSystems = error instanceof Error && 'code' in error;
    const message = isSystems ? `${dataDir} can't be the data folder: ${error.message}` : undefined;
    console.error(message ?? (error instanceof DataDirInUseError ? error.message : error));
    process.exit(1);
  }
}

/** A path as one would type it here. */
function shown(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
}
