import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfPresent, writeFileAtomic } from './atomic-file.ts';
import { runCommand } from './run-command.ts';

export const BUILD_TIMEOUT_MS = 10 * 60_000;

/** Paths in the repository. */
export interface Sources {
  files: string[];
  /** With everything in them. */
  folders: string[];
  /** What must be there for a build to count. */
  outputs: string[];
}

/** What is built by one command, and by what one knows that it needn't be built again. */
export class BuildPart {
  readonly #stamp: string;
  readonly #command: readonly string[];
  readonly #sourcesIn: (repository: string) => Promise<Sources>;

  /**
   * @param stamp a file in node_modules, for the fingerprint of what was built last
   * @param command a script in node_modules and its arguments
   */
  constructor(stamp: string, command: readonly string[], sourcesIn: (repository: string) => Promise<Sources>) {
    this.#stamp = stamp;
    this.#command = command;
    this.#sourcesIn = sourcesIn;
  }

  async isBuilt(repository: string): Promise<boolean> {
    const state = await this.#fingerprint(repository);
    return state !== undefined && state === (await readIfPresent(this.#stampOf(repository)));
  }

  /** @throws with the messages of the command */
  async build(repository: string): Promise<void> {
    const state = await this.#fingerprint(repository);
    const [script = '', ...args] = this.#command;
    const { code, output } = await runCommand(process.execPath, [join(repository, 'node_modules', script), ...args], {
      cwd: repository,
      timeoutMs: BUILD_TIMEOUT_MS,
    });
    if (code !== 0) throw new Error(`the build failed:\n${output.trimEnd()}`);
    // Of the files as they were before: what was saved during the build is built next time.
    const built = state ?? (await this.#fingerprint(repository));
    if (built !== undefined) await writeFileAtomic(this.#stampOf(repository), built, 0o644);
  }

  #stampOf(repository: string): string {
    return join(repository, 'node_modules', this.#stamp);
  }

  /** @returns a hash of every source file's path, size and time of change; `undefined` when an output is missing. */
  async #fingerprint(repository: string): Promise<string | undefined> {
    const { files, folders, outputs } = await this.#sourcesIn(repository);
    if (outputs.some((output) => !existsSync(join(repository, output)))) return undefined;
    const all = ['package-lock.json', 'tsconfig.base.json', ...files];
    for (const folder of folders) {
      const entries = await readdir(join(repository, folder), { recursive: true });
      all.push(...entries.map((entry) => join(folder, entry)));
    }
    const facts = await Promise.all(
      all.map(async (file) => {
        const facts = await stat(join(repository, file)).catch(() => undefined);
        return `${file} ${facts?.size} ${facts?.mtimeMs}`;
      }),
    );
    return createHash('sha256').update(facts.toSorted().join('\n')).digest('hex');
  }
}
