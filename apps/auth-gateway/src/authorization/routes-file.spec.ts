import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Route } from './route.js';
import { RoutesFile, RoutesFileError, type WatchTimes } from './routes-file.js';

const one = (prefix: string): string => `routes: [{prefix: ${prefix}, upstreams: ['http://127.0.0.1:1']}]`;

describe('RoutesFile', () => {
  let folder: string;
  let path: string;
  let file: RoutesFile | undefined;
  const log = { log: vi.fn<(message: string) => void>(), error: vi.fn<(message: string) => void>() };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'routes-'));
    path = join(folder, 'portcullis.routes.yaml');
    writeFileSync(path, one('/a'));
    vi.clearAllMocks();
  });
  afterEach(() => {
    file?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const follow = (times: Partial<WatchTimes>): RoutesFile => {
    file = RoutesFile.open(path, log, times);
    file.watch();
    return file;
  };
  const prefixes = (): string[] => file?.routes.map((route) => route.prefix) ?? [];
  const BY_WATCH = { settleMs: 5, pollMs: 60_000 };
  const BY_POLL = { settleMs: 60_000, pollMs: 10 };

  it('refuses to open a file that is wrong, with a list of what is wrong', () => {
    writeFileSync(path, 'routes: [{prefix: /internal}]');
    expect(() => RoutesFile.open(path, log)).toThrow(RoutesFileError);
    expect(() => RoutesFile.open(path, log)).toThrow(/shadows[\s\S]*upstreams: must be a list/);
    expect(() => RoutesFile.open(join(folder, 'none.yaml'), log)).toThrow(/can't be read/);
  });

  it('takes an edit over without a restart and tells its listeners', async () => {
    const listener = vi.fn<(routes: readonly Route[]) => void>();
    follow(BY_WATCH).onChange(listener);
    writeFileSync(path, one('/b'));
    await vi.waitFor(() => expect(prefixes()).toEqual(['/b']));
    expect(listener).toHaveBeenCalledOnce();
  });

  it('follows editors that write a new file and rename it over the old one, again and again', async () => {
    follow(BY_WATCH);
    for (const prefix of ['/b', '/c', '/d']) {
      writeFileSync(`${path}.tmp`, one(prefix));
      renameSync(`${path}.tmp`, path);
      await vi.waitFor(() => expect(prefixes()).toEqual([prefix]));
    }
  });

  it('notices a change by looking where none is reported', async () => {
    follow(BY_POLL);
    writeFileSync(path, one('/b'));
    await vi.waitFor(() => expect(prefixes()).toEqual(['/b']));
  });

  it('reports a broken edit once and keeps the old routes, until the edit is mended', async () => {
    follow(BY_POLL);
    writeFileSync(path, 'routes: [{prefix: nonsense}]');
    await vi.waitFor(() => expect(log.error).toHaveBeenCalledWith(expect.stringContaining('the old routes stay')));
    await file?.reload();
    expect(log.error).toHaveBeenCalledOnce();
    expect(prefixes()).toEqual(['/a']);
    writeFileSync(path, one('/b'));
    await vi.waitFor(() => expect(prefixes()).toEqual(['/b']));
  });

  it('keeps the old routes while the file is gone, and reads it when it is back', async () => {
    follow(BY_POLL);
    rmSync(path);
    await vi.waitFor(() => expect(log.error).toHaveBeenCalledWith(expect.stringContaining("can't be read")));
    expect(prefixes()).toEqual(['/a']);
    writeFileSync(path, one('/b'));
    await vi.waitFor(() => expect(prefixes()).toEqual(['/b']));
  });
});
