import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTemporaryDataDir, removeDataDir } from '../stack/temporary-dir.ts';
import { ensureRoutesFile } from './routes-file.ts';

describe('the routes file of a data folder', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await makeTemporaryDataDir();
    await writeFile(join(dir, 'portcullis.routes.yaml'), 'upstreams: [http://127.0.0.1:4001] # 4001\n');
  });
  afterEach(() => removeDataDir(dir));

  it('is made from the repository’s, with the port of the upstream', async () => {
    const path = await ensureRoutesFile(dir, dir, 20_001, undefined);
    expect(await readFile(path, 'utf8')).toContain('\nupstreams: [http://127.0.0.1:20001] # 4001\n');
  });

  it('keeps what the user wrote when the port of the upstream changes', async () => {
    const path = await ensureRoutesFile(dir, dir, 20_001, undefined);
    await appendFile(path, 'mine: http://127.0.0.1:200010\n');
    const before = await readFile(path, 'utf8');
    await ensureRoutesFile(dir, dir, 20_002, 20_001);
    expect(await readFile(path, 'utf8')).toBe(before.replace('20001]', '20002]'));
  });

  it('is left alone when nothing changed', async () => {
    const path = await ensureRoutesFile(dir, dir, 20_001, undefined);
    await writeFile(path, 'mine\n');
    await ensureRoutesFile(dir, dir, 20_001, 20_001);
    expect(await readFile(path, 'utf8')).toBe('mine\n');
  });
});
