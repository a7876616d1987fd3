import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeFolder } from './make-folder.ts';

it('makes a folder and those above it, also when several do at once, and leaves one that is there', async () => {
  const root = await mkdtemp(join(tmpdir(), 'portcullis-folder-'));
  try {
    const path = join(root, 'a', 'b', 'c');
    await Promise.all(Array.from({ length: 20 }, () => makeFolder(path, 0o711)));
    await makeFolder(path, 0o700);
    expect((await stat(path)).mode & 0o777).toBe(0o711);
    await writeFile(join(root, 'file'), '');
    await expect(makeFolder(join(root, 'file'), 0o711)).rejects.toThrow('EEXIST');
    await expect(makeFolder(join(root, 'file', 'x'), 0o711)).rejects.toThrow('ENOTDIR');
  } finally {
    await rm(root, { recursive: true });
  }
});

it('fails where no folder can be made, and does not try for ever', { skip: process.platform !== 'linux' }, async () => {
  await expect(makeFolder('/proc/x/y', 0o711)).rejects.toThrow('ENOENT');
});
