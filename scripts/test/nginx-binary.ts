import { type DebianProgram, ensureProgram, type FindProgramOptions } from '../stack/debian-program.ts';

const NGINX: DebianProgram = {
  name: 'nginx',
  variable: 'NGINX_BIN',
  versionArgument: '-v',
  version: /^nginx version:/,
  howToGetIt:
    'nginx was not found, and the tests of forward-auth run a real one. Get it (Debian, Ubuntu: "sudo apt-get install ' +
    'nginx"; macOS: "brew install nginx") and put it on the PATH, or name it in NGINX_BIN.',
};

/** Finds an nginx, or installs it: see {@link ensureProgram}. */
export function ensureNginx(options: FindProgramOptions = {}): Promise<string> {
  return ensureProgram(NGINX, options);
}
