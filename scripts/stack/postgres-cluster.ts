import { existsSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PostgresLocation } from './postgres-location.ts';
import { runCommand } from './run-command.ts';

/** The role that owns the database, and the database: not a superuser, as in production. */
export const DATABASE = 'portcullis';
export const ROLE = 'portcullis';
export const SUPERUSER = 'postgres';

const INITDB_TIMEOUT_MS = 120_000;

/** Only TCP on loopback, only with the password. */
const HOST_BASED_AUTHENTICATION = `# Written by Portcullis when it made this cluster.
host all all 127.0.0.1/32 scram-sha-256
`;

/** Collation by Unicode code point, built into Postgres: the same order on every machine, whatever locales it has. */
const INITDB_ARGS = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];

/**
 * Makes the cluster of a location when there is none: initialised, with the role `portcullis` and its database. It
 * appears as a whole, by a rename, so a start that was killed half-way leaves nothing that looks like a cluster.
 *
 * @param passwordIsNew the password was made just now, so a cluster that is there has to be told.
 * @returns the cluster's folder.
 * @throws with what Postgres said when it can't be made.
 */
export async function ensureCluster(
  location: PostgresLocation,
  password: string,
  passwordIsNew: boolean,
): Promise<string> {
  const cluster = join(location.home, 'cluster');
  if (existsSync(cluster)) {
    if (passwordIsNew) await runSql(location, cluster, setPasswords(password), password);
    return cluster;
  }
  const unfinished = `${cluster}.new`;
  await rm(unfinished, { recursive: true, force: true });
  await initialise(location, unfinished);
  const create = [`CREATE ROLE ${ROLE} LOGIN CREATEDB`, `CREATE DATABASE ${DATABASE} OWNER ${ROLE}`];
  await runSql(location, unfinished, [...create, ...setPasswords(password)], password);
  await rename(unfinished, cluster);
  return cluster;
}

async function initialise({ binDir, user }: PostgresLocation, folder: string): Promise<void> {
  // `trust` never applies: it is what initdb assumes before the rules are replaced, and nothing listens until then.
  const args = ['-D', folder, `--username=${SUPERUSER}`, '--auth=trust', ...INITDB_ARGS];
  const { code, output } = await runCommand(join(binDir, 'initdb'), args, {
    user,
    cwd: '/',
    timeoutMs: INITDB_TIMEOUT_MS,
  });
  if (code !== 0) throw new Error(`Postgres can't be initialised in ${folder}:\n${output}`);
  await writeFile(join(folder, 'pg_hba.conf'), HOST_BASED_AUTHENTICATION);
}

/** Runs statements, one a line, in Postgres's single-user mode: no server, no port, no password needed. */
async function runSql(
  { binDir, user }: PostgresLocation,
  cluster: string,
  statements: string[],
  password: string,
): Promise<void> {
  const { code, output } = await runCommand(join(binDir, 'postgres'), ['--single', '-D', cluster, 'postgres'], {
    input: `${statements.join('\n')}\n`,
    user,
    cwd: '/',
    timeoutMs: INITDB_TIMEOUT_MS,
  });
  // Single-user mode goes on after an error and ends with 0.
  if (code === 0 && !/^.*(ERROR|FATAL|PANIC):/m.test(output)) return;
  throw new Error(`Postgres can't set up ${cluster}:\n${output.replaceAll(password, '…')}`);
}

function setPasswords(password: string): string[] {
  return [SUPERUSER, ROLE].map((role) => `ALTER ROLE ${role} PASSWORD '${password}'`);
}
