import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { CommandError } from './settings.js';

export interface PasswordOptions {
  passwordFile?: string;
  passwordStdin?: boolean;
}

const SECRET_BYTES_MAX = 4_096;

/**
 * A password from a file or from standard input: on the command line every user of the machine would see it. Neither: one that is
 * made here.
 *
 * @returns `isMade`: it must be shown, this once
 */
export async function readPassword(
  options: PasswordOptions,
  stdin: Readable,
): Promise<{ password: string; isMade: boolean }> {
  const { passwordFile: file, passwordStdin: fromStdin } = options;
  if (file !== undefined && fromStdin) throw new CommandError('Give --password-file or --password-stdin, not both.');
  if (file === undefined && !fromStdin) return { password: randomBytes(18).toString('base64url'), isMade: true };
  const given = file === undefined ? await text(stdin) : readFile(file);
  if (Buffer.byteLength(given) > SECRET_BYTES_MAX) throw new CommandError('That is too long for a password.');
  return { password: given.replace(/\r?\n$/, ''), isMade: false };
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CommandError(`The password can't be read: ${(error as Error).message}`);
  }
}
