import { type DebianProgram, ensureProgram, type FindProgramOptions } from './debian-program.ts';

const OPENSSL: DebianProgram = {
  name: 'openssl',
  variable: 'OPENSSL_BIN',
  versionArgument: 'version',
  version: /^OpenSSL/,
  howToGetIt:
    'openssl was not found. Get it (Debian, Ubuntu: "sudo apt-get install openssl") or name it in OPENSSL_BIN.',
};

/** Finds openssl, or installs it: see {@link ensureProgram}. */
export function ensureOpenssl(options: FindProgramOptions = {}): Promise<string> {
  return ensureProgram(OPENSSL, options);
}
