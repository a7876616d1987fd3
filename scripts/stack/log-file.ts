import { closeSync, fstatSync, mkdirSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

const ROTATE_AT_BYTES = 10 * 1024 * 1024;
export const LOG_TAIL_BYTES = 64 * 1024;

/** Where a child writes. It holds the file itself, so that it goes on undisturbed when its launcher is killed. */
export interface LogFile {
  descriptor: number;
  /** @returns the last lines written since the file was opened, 64 kB at most. */
  tail(): string;
  /** Closes the launcher's side; `tail` goes on working. */
  close(): void;
}

/** Opens a log to append to; one above 10 MB is moved to `<path>.1` first. */
export function openLogFile(path: string): LogFile {
  mkdirSync(dirname(path), { recursive: true });
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > ROTATE_AT_BYTES) renameSync(path, `${path}.1`);
  const descriptor = openSync(path, 'a', 0o600);
  const begin = fstatSync(descriptor).size;
  return { descriptor, tail: () => readTail(path, begin), close: () => closeSync(descriptor) };
}

function readTail(path: string, begin: number): string {
  const descriptor = openSync(path, 'r');
  try {
    const end = fstatSync(descriptor).size;
    const from = Math.max(begin, end - LOG_TAIL_BYTES);
    const buffer = Buffer.alloc(Math.max(0, end - from));
    readSync(descriptor, buffer, 0, buffer.length, from);
    const text = buffer.toString('utf8');
    // The first line is cut unless the reading began where the run began.
    return (from > begin ? text.slice(text.indexOf('\n') + 1) : text).trimEnd();
  } finally {
    closeSync(descriptor);
  }
}
