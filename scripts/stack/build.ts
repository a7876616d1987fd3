import { join } from 'node:path';
import { readIfPresent } from './atomic-file.ts';
import { BUILD_TIMEOUT_MS, BuildPart, type Sources } from './build-part.ts';
import { lockDataDir } from './data-dir-lock.ts';

const WORKSPACES = ['libs', 'apps', 'examples'];
const CONSOLE = join('apps', 'console');
const PARTS: readonly BuildPart[] = [
  new BuildPart('.portcullis-build', ['typescript/bin/tsc', '-b', '--pretty', 'false'], programs),
  new BuildPart('.portcullis-console', ['vite/bin/vite.js', 'build', CONSOLE, '--logLevel', 'warn'], page),
];

/**
 * Compiles libs, apps and examples with `tsc -b`, and bundles the console with Vite, each unless none of its files has changed
 * since it was built last. The tools would find that out as well, but take seconds to load first.
 *
 * @param repository the folder with the top-level tsconfig.json.
 * @param force build whatever the files say.
 * @returns whether anything was built.
 * @throws with the messages of what failed.
 */
export async function buildIfChanged(repository: string, force = false): Promise<boolean> {
  if (!force && (await outdated(repository)).length === 0) return false;
  // Of two starts at once, one builds and the other waits for it.
  const lock = await lockDataDir(join(repository, 'node_modules'), { noticeMs: BUILD_TIMEOUT_MS });
  try {
    const parts = force ? PARTS : await outdated(repository);
    for (const part of parts) await part.build(repository);
    return parts.length > 0;
  } finally {
    await lock.release();
  }
}

async function outdated(repository: string): Promise<BuildPart[]> {
  const built = await Promise.all(PARTS.map((part) => part.isBuilt(repository)));
  return PARTS.filter((_, index) => !built[index]);
}

async function programs(repository: string): Promise<Sources> {
  const all = await projects(repository);
  const manifests = all.flatMap((project) => [join(project, 'package.json'), join(project, 'tsconfig.json')]);
  return {
    files: ['tsconfig.json', ...manifests],
    folders: all.map((project) => join(project, 'src')),
    outputs: all.map((project) => join(project, 'dist', '.tsbuildinfo')),
  };
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

/** The console, which `npm run typecheck` checks: bundling is enough to run it. */
async function page(): Promise<Sources> {
  const files = ['package.json', 'tsconfig.json', 'vite.config.ts', 'index.html'].map((file) => join(CONSOLE, file));
  const folders = ['src', 'build', 'public'].map((folder) => join(CONSOLE, folder));
  return { files, folders, outputs: [join(CONSOLE, 'dist', 'index.html')] };
}
