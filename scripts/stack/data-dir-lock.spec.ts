import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataDirInUseError, lockDataDir } from './data-dir-lock.ts';
import { makeTemporaryDataDir, removeDataDir } from './temporary-dir.ts';

describe('the lock of a data folder', () => {
  let dataDir: string;
  beforeEach(async () => (dataDir = await makeTemporaryDataDir()));
  afterEach(() => removeDataDir(dataDir));

  it('refuses a second holder, naming the first', async () => {
    await lockDataDir(dataDir);
    const second = lockDataDir(dataDir, { noticeMs: 1 });
    await expect(second).rejects.toThrow(DataDirInUseError);
    await expect(second).rejects.toThrow(`pid ${process.pid}`);
  });

  it('waits for a holder that is about to stop', async () => {
    const first = await lockDataDir(dataDir);
    await first.markStopping();
    const second = lockDataDir(dataDir, { noticeMs: 1, stoppingMs: 10_000 });
    await first.release();
    await expect(second).resolves.toBeDefined();
  });

  it('takes over from a holder that was killed, even when its pid lives again', async () => {
    await writeFile(join(dataDir, 'start.lock'), JSON.stringify({ pid: process.pid, start: 'long ago' }));
    await expect(lockDataDir(dataDir)).resolves.toBeDefined();
  });

  it('gives a stale lock to exactly one of many', async () => {
    await writeFile(join(dataDir, 'start.lock'), JSON.stringify({ pid: process.pid, start: 'long ago' }));
    const all = await Promise.allSettled(Array.from({ length: 8 }, () => lockDataDir(dataDir, { noticeMs: 1 })));
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});
