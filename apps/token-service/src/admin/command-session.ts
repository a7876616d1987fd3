import type { Readable } from 'node:stream';
import type { TokenServiceConfig } from '../config.js';
import type { Installation } from './installation.js';
import type { Output } from './output.js';

/** What a command works with; read when it runs, so that `--help` needs no installation. */
export interface Session {
  /** @throws CommandError, ConfigurationError */
  config: () => TokenServiceConfig;
  output: () => Output;
  stdin: Readable;
  /** Makes the command end with 1, whatever it has said. */
  fail: () => void;
  /** Opens the installation, runs one piece of work in it, and closes it. */
  run: <T>(work: (installation: Installation) => Promise<T>) => Promise<T>;
}
