import { chmod, mkdtemp, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Makes a data folder for a stack that is thrown away, in the system's temporary folder. Others may pass through it
 * (mode 0711): started by root, Postgres runs as another user.
 */
export async function makeTemporaryDataDir(prefix = 'portcullis-'): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), prefix));
  await chmod(path, 0o711);
  return path;
}

/** Removes a data folder, and the Postgres folder that it points to when that had to live elsewhere. */
export async function removeDataDir(dataDir: string): Promise<void> {
  const elsewhere = await readlink(join(dataDir, 'postgres')).catch(() => undefined);
  if (elsewhere !== undefined) await rm(elsewhere, { recursive: true, force: true });
  await rm(dataDir, { recursive: true, force: true });
}
