import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfPresent, writeFileAtomic } from './atomic-file.ts';
import { lockDataDir } from './data-dir-lock.ts';
import { runCommand } from './run-command.ts';

const BUILD_TIMEOUT_MS = 10 * 60_000;
const WORKSPACES = ['libs', 'apps', 'examples'];

/**
 * Compiles libs, apps and examples with `tsc -b` unless none of their files has changed since the last build. `tsc -b`
 * finds that out as well, but takes a second to load first.
 *
 * @param repository the folder with the top-level tsconfig.json.
 * @param force compile whatever the files say.
 * @returns whether it compiled.
 * @throws with the compiler's messages.
 */
export async function buildIfChanged(repository: string, force = false): Promise<boolean> {
  if (!force && (await isBuilt(repository))) return false;
  // Of two starts at once, one builds and the other waits for it.
  const lock = await lockDataDir(join(repository, 'node_modules'), { noticeMs: BUILD_TIMEOUT_MS });
  try {
    if (!force && (await isBuilt(repository))) return false;
    await build(repository);
    return true;
  } finally {
    await lock.release();
  }
}

async function isBuilt(repository: string): Promise<boolean> {
  const state = await fingerprint(repository);
  return state !== undefined && state === (await readIfPresent(stampOf(repository)));
}

async function build(repository: string): Promise<void> {
  const state = await fingerprint(repository);
  const compiler = join(repository, 'node_modules', 'typescript', 'bin', 'tsc');
  const { code, output } = await runCommand(process.execPath, [compiler, '-b', '--pretty', 'false'], {
    cwd: repository,
    timeoutMs: BUILD_TIMEOUT_MS,
  });
  if (code !== 0) throw new Error(`the build failed:\n${output.trimEnd()}`);
  // Of the files as they were before: what was saved during the build is built next time.
  const built = state ?? (await fingerprint(repository));
  if (built !== undefined) await writeFileAtomic(stampOf(repository), built, 0o644);
}

/** Holds the fingerprint of what was built last. */
function stampOf(repository: string): string {
  return join(repository, 'node_modules', '.portcullis-build');
}

/** @returns a hash of every source file's path, size and time of change; `undefined` when a project has no output. */
async function fingerprint(repository: string): Promise<string | undefined> {
  const files = ['package-lock.json', 'tsconfig.json', 'tsconfig.base.json'];
  for (const project of await projects(repository)) {
    if (!existsSync(join(repository, project, 'dist', '.tsbuildinfo'))) return undefined;
    files.push(join(project, 'package.json'), join(project, 'tsconfig.json'));
    const entries = await readdir(join(repository, project, 'src'), { recursive: true });
    files.push(...entries.map((entry) => join(project, 'src', entry)));
  }
  const facts = await Promise.all(
    files.map(async (file) => {
      const facts = await stat(join(repository, file)).catch(() => undefined);
      return `${file} ${facts?.size} ${facts?.mtimeMs}`;
    }),
  );
  return createHash('sha256').update(facts.toSorted().join('\n')).digest('hex');
}

/** The projects that `tsc -b` builds: those that the top-level tsconfig.json refers to. */
async function projects(repository: string): Promise<string[]> {
  const config = JSON.parse((await readIfPresent(join(repository, 'tsconfig.json'))) ?? '{}') as {
    references?: { path: string }[];
  };
  return (config.references ?? [])
    .map(({ path }) => path)
    .filter((path) => WORKSPACES.includes(path.replace(/^\.\//, '').split('/')[0] ?? ''));
}
