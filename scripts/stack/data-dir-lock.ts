import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createFileOnce, readIfPresent, writeFileAtomic } from './atomic-file.ts';
import { isRunning, type ProcessIdentity, startOf } from './process-identity.ts';
import { waitFor } from './wait-for.ts';

export interface DataDirLock {
  /** Says that the holder is about to let go, so that the next start waits instead of giving up. */
  markStopping(): Promise<void>;
  release(): Promise<void>;
}

export interface LockOptions {
  /** How long a holder that runs may take to say that it is stopping. */
  noticeMs?: number;
  /** How long a holder that is stopping may take. */
  stoppingMs?: number;
}

interface Holder extends ProcessIdentity {
  stopping?: boolean;
}

/** Another launcher runs on the data folder. */
export class DataDirInUseError extends Error {
  override name = 'DataDirInUseError';
}

const ATTEMPTS_MAX = 10;

/**
 * Takes a data folder for this process: one stack at a time. A lock whose holder was killed counts for nothing.
 *
 * @throws DataDirInUseError when another process holds it and is not about to stop.
 */
export async function lockDataDir(dataDir: string, options: LockOptions = {}): Promise<DataDirLock> {
  const path = join(dataDir, 'start.lock');
  const self: Holder = { pid: process.pid, start: startOf(process.pid) ?? '' };
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    if (await createFileOnce(path, JSON.stringify(self), 0o644)) {
      return {
        markStopping: () => writeFileAtomic(path, JSON.stringify({ ...self, stopping: true }), 0o644),
        release: () => rm(path, { force: true }),
      };
    }
    await waitForHolder(dataDir, path, options);
    await removeStale(path, self);
  }
  throw new DataDirInUseError(`several starts want ${dataDir} at the same time`);
}

async function waitForHolder(dataDir: string, path: string, options: LockOptions): Promise<void> {
  const { noticeMs = 1_500, stoppingMs = 90_000 } = options;
  const gone = async () => !isHeld(await readHolder(path));
  const letsGo = async () => (await gone()) || (await readHolder(path))?.stopping === true;
  try {
    await waitFor('the other start', letsGo, { timeoutMs: noticeMs, intervalMs: 50 });
    await waitFor('the other start to stop', gone, { timeoutMs: stoppingMs, intervalMs: 50 });
  } catch (error) {
    const pid = (await readHolder(path))?.pid;
    throw new DataDirInUseError(`${dataDir} is in use: Portcullis runs there already (pid ${pid})`, { cause: error });
  }
}

/**
 * Removes a lock whose holder is gone. Only whoever holds the guard removes one, and looks again first: so of several that find it
 * stale none removes the new lock of another.
 */
async function removeStale(path: string, self: Holder): Promise<void> {
  const guard = `${path}.removal`;
  if (!(await createFileOnce(guard, JSON.stringify(self), 0o644))) {
    if (!isHeld(await readHolder(guard))) await rm(guard, { force: true }); // it was killed half-way
    return;
  }
  try {
    const text = await readIfPresent(path);
    if (text !== undefined && !isHeld(holderOf(text))) await rm(path, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}

function isHeld(holder: Holder | undefined): boolean {
  return holder !== undefined && isRunning(holder);
}

async function readHolder(path: string): Promise<Holder | undefined> {
  return holderOf((await readIfPresent(path)) ?? '');
}

function holderOf(text: string): Holder | undefined {
  try {
    return JSON.parse(text) as Holder;
  } catch {
    return undefined;
  }
}
