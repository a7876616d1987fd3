import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

export const HELP = `Starts all of Portcullis on this machine: Postgres, NATS, the token-service, the gateway and an example API.

Usage: npm start -- [options]

Options (each wins over its environment variable)
  --port <number>      port of the first gateway; PORTCULLIS_PORT; default 8080
  --gateways <number>  how many gateways, at port, port+1, …; PORTCULLIS_GATEWAYS; default 1
  --data-dir <folder>  secrets, logs, services.json, the databases; PORTCULLIS_DATA_DIR; default .portcullis
  --help               this text

Environment
  DATABASE_URL         a Postgres to use instead of the embedded one
  NATS_URL             a NATS with JetStream to use instead of starting one
  NATS_SERVER_BIN      the nats-server to run; default: the one on the PATH
  PORTCULLIS_ROUTES_FILE
                       the guarded APIs; default <data dir>/routes.yaml, made on the first start
  Everything else in docs/configuration.md is passed on to the token-service and the gateways.

Everything listens on loopback only. Ctrl-C stops it all, in order; a second Ctrl-C at once. The data stays.`;

/** A mistake in how the command was called; the message is for the user. */
export class UsageError extends Error {}

/**
 * @typedef {object} StartOptions
 * @property {boolean} help
 * @property {number} port of the first gateway.
 * @property {number} gateways how many.
 * @property {string} dataDir absolute.
 * @property {string | undefined} databaseUrl
 * @property {string | undefined} natsUrl
 * @property {string | undefined} routesFile absolute.
 */

/**
 * Reads the options of `npm start`; an option wins over its environment variable.
 *
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {StartOptions}
 * @throws {UsageError} for an unknown option or a value that is none.
 */
export function readOptions(args, env) {
  const given = parse(args);
  const port = readNumber('--port (PORTCULLIS_PORT)', given.port ?? (env['PORTCULLIS_PORT'] || '8080'), 1, 65_535);
  const gateways = readNumber(
    '--gateways (PORTCULLIS_GATEWAYS)',
    given.gateways ?? (env['PORTCULLIS_GATEWAYS'] || '1'),
    1,
    64,
  );
  if (port + gateways - 1 > 65_535) throw new UsageError(`${gateways} gateways from port ${port} on go beyond 65535`);
  return {
    help: given.help ?? false,
    port,
    gateways,
    dataDir: resolve(given['data-dir'] ?? (env['PORTCULLIS_DATA_DIR'] || '.portcullis')),
    databaseUrl: readUrl('DATABASE_URL', env, ['postgres:', 'postgresql:']),
    natsUrl: env['NATS_URL'] || undefined,
    routesFile: env['PORTCULLIS_ROUTES_FILE'] ? resolve(env['PORTCULLIS_ROUTES_FILE']) : undefined,
  };
}

/** @param {string[]} args */
function parse(args) {
  try {
    return parseArgs({
      args,
      strict: true,
      allowPositionals: false,
      options: {
        help: { type: 'boolean', short: 'h' },
        port: { type: 'string' },
        gateways: { type: 'string' },
        'data-dir': { type: 'string' },
      },
    }).values;
  } catch (error) {
    const message = /** @type {Error} */ (error).message.split('. ')[0];
    throw new UsageError(`${message}; "npm start -- --help" lists the options`);
  }
}

/**
 * @param {string} name
 * @param {string} text
 * @param {number} min
 * @param {number} max
 */
function readNumber(name, text, min, max) {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new UsageError(`${name} must be a whole number from ${min} to ${max}, not "${text}"`);
}

/**
 * @param {string} name
 * @param {NodeJS.ProcessEnv} env
 * @param {string[]} protocols
 */
function readUrl(name, env, protocols) {
  const text = env[name];
  if (!text) return undefined;
  // The text itself is not shown: it may hold a password.
  if (!URL.canParse(text) || !protocols.includes(new URL(text).protocol)) {
    throw new UsageError(`${name} must be a URL that begins with ${protocols.map((each) => `${each}//`).join(' or ')}`);
  }
  return text;
}
