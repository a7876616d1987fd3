import { type DebianProgram, ensureProgram, type FindProgramOptions } from './debian-program.ts';

const NATS_SERVER: DebianProgram = {
  name: 'nats-server',
  variable: 'NATS_SERVER_BIN',
  versionArgument: '--version',
  version: /^nats-server/,
  howToGetIt:
    'nats-server was not found. Get it (Debian, Ubuntu: "sudo apt-get install nats-server"; macOS: "brew install ' +
    'nats-server"; others: https://github.com/nats-io/nats-server/releases) and put it on the PATH, name it in ' +
    'NATS_SERVER_BIN, or set NATS_URL to a NATS with JetStream that runs already.',
};

/** Finds a nats-server, or installs it: see {@link ensureProgram}. */
export function ensureNatsServer(options: FindProgramOptions = {}): Promise<string> {
  return ensureProgram(NATS_SERVER, options);
}
