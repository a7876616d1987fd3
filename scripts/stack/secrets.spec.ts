import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureInternalSecret, ensureMasterKey } from './secrets.ts';
import { makeTemporaryDataDir, removeDataDir } from './temporary-dir.ts';

describe('secrets', () => {
  let dataDir: string;
  beforeEach(async () => (dataDir = await makeTemporaryDataDir()));
  afterEach(() => removeDataDir(dataDir));

  it('makes a master key of 32 bytes that only its owner reads', async () => {
    const key = await ensureMasterKey(dataDir);
    expect(Buffer.from(key.value, 'base64')).toHaveLength(32);
    expect(key.created).toBe(true);
    expect((await stat(key.path)).mode & 0o777).toBe(0o600);
  });

  it('never replaces a secret, and takes away what others may read', async () => {
    const first = await ensureInternalSecret(dataDir);
    await writeFile(first.path, `${first.value}\n`, { mode: 0o644 });
    const second = await ensureInternalSecret(dataDir);
    expect(second).toEqual({ ...first, created: false });
    expect((await stat(first.path)).mode & 0o777).toBe(0o600);
  });

  it('makes one secret when several ask at once', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => ensureMasterKey(dataDir)));
    expect(new Set(all.map(({ value }) => value)).size).toBe(1);
    expect(all.filter(({ created }) => created)).toHaveLength(1);
  });

  it('refuses a master key that is none, and leaves the file alone', async () => {
    const path = join(dataDir, 'master-key');
    for (const content of ['', 'too short\n']) {
      await writeFile(path, content);
      await expect(ensureMasterKey(dataDir)).rejects.toThrow(path);
      expect(await readFile(path, 'utf8')).toBe(content);
    }
  });
});
