import { lstat, mkdtemp, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { makeFolder } from './make-folder.ts';
import { locatePostgres } from './postgres-location.ts';
import { removeDataDir } from './temporary-dir.ts';

const isRoot = process.getuid?.() === 0;
const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) {
    await removeDataDir(join(folder, 'data'));
    await rm(folder, { recursive: true, force: true });
  }
});

/** A data folder under one that only its owner may enter, as root's home is. */
async function dataDirInPrivateFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-private-')); // 0700
  folders.push(folder);
  const dataDir = join(folder, 'data');
  await makeFolder(dataDir, 0o711);
  return dataDir;
}

it.runIf(isRoot)('under a folder that only root may enter, the database is elsewhere and stays there', async () => {
  const dataDir = await dataDirInPrivateFolder();
  const notices: string[] = [];
  const location = await locatePostgres(dataDir, (line) => notices.push(line));
  expect(dirname(location.home)).toBe('/var/lib/portcullis');
  expect(await readlink(join(dataDir, 'postgres'))).toBe(location.home);
  expect((await lstat(location.home)).uid).toBe(location.user?.uid);
  expect(location.user?.uid).not.toBe(0);
  expect(notices).toContainEqual(expect.stringContaining(`the database is in ${location.home}, linked from there`));

  expect(await locatePostgres(dataDir, (line) => notices.push(line))).toEqual(location);
});

it.runIf(isRoot)('a database that was moved away is not made anew', async () => {
  const dataDir = await dataDirInPrivateFolder();
  const { home } = await locatePostgres(dataDir, () => undefined);
  await rm(home, { recursive: true });
  await expect(locatePostgres(dataDir, () => undefined)).rejects.toThrow('points to a database that is gone');
});

it.runIf(!isRoot)('for anyone but root it is in the data folder', async () => {
  const dataDir = await dataDirInPrivateFolder();
  const { home, user } = await locatePostgres(dataDir, () => undefined);
  expect([home, user]).toEqual([join(dataDir, 'postgres'), undefined]);
});
