import { readFileSync, watch, type FSWatcher } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { parseRoutes } from './routes-document.js';
import type { Route } from './route.js';

/** Where the outcome of a reload is reported; Nest's Logger will do. */
export interface RoutesLog {
  log(message: string): void;
  error(message: string): void;
}

/** Everything that is wrong with a routes file, at once. */
export class RoutesFileError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(['The routes file is wrong:', ...faults.map((fault) => `  - ${fault}`)].join('\n'));
    this.name = 'RoutesFileError';
  }
}

export interface WatchTimes {
  /** How long to wait after a change, since editors write in several steps. */
  settleMs: number;
  /** How often to look even if no change was reported: network file systems and mounted volumes report none. */
  pollMs: number;
}

const DEFAULT_TIMES: WatchTimes = { settleMs: 100, pollMs: 2_000 };
const FILE_CHARACTERS_MAX = 1_048_576;

type Listener = (routes: readonly Route[]) => void;

/** The routes file: read at the start, followed while the gateway runs. A broken edit is reported and the old routes stay. */
export class RoutesFile {
  #routes: readonly Route[];
  #text: string;
  #readable = true;
  #watcher: FSWatcher | undefined;
  #poll: NodeJS.Timeout | undefined;
  #settle: NodeJS.Timeout | undefined;
  #reloading = false;
  readonly #listeners: Listener[] = [];

  private constructor(
    private readonly path: string,
    private readonly log: RoutesLog,
    private readonly times: WatchTimes,
    text: string,
    routes: readonly Route[],
  ) {
    this.#text = text;
    this.#routes = routes;
  }

  /**
   * Reads the file and checks it.
   *
   * @param times how changes are noticed, in milliseconds
   * @throws RoutesFileError that lists everything that is wrong with it
   */
  static open(path: string, log: RoutesLog, times: Partial<WatchTimes> = {}): RoutesFile {
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (error) {
      throw new RoutesFileError([`${path} can't be read: ${(error as Error).message}`]);
    }
    const { routes, faults } = parse(text, path);
    if (routes === undefined) throw new RoutesFileError(faults);
    return new RoutesFile(path, log, { ...DEFAULT_TIMES, ...times }, text, routes);
  }

  get routes(): readonly Route[] {
    return this.#routes;
  }

  /** Calls `listener` with the routes after each good edit. */
  onChange(listener: Listener): void {
    this.#listeners.push(listener);
  }

  /** Starts to follow the file. The folder is watched, not the file: editors write a new file and rename it over the old one. */
  watch(): void {
    this.#poll = setInterval(() => void this.reload(), this.times.pollMs).unref();
    try {
      this.#watcher = watch(dirname(this.path), { persistent: false }, (_event, name) => {
        // A mounted Kubernetes ConfigMap changes by a symbolic link beside the file; its name starts with a dot.
        if (name === null || name === basename(this.path) || name.startsWith('.')) this.settleThenReload();
      });
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch (error) {
      this.log.error(
        `${this.path} can't be watched (${(error as Error).message}); looking every ${this.times.pollMs} ms`,
      );
    }
  }

  close(): void {
    this.#watcher?.close();
    clearInterval(this.#poll);
    clearTimeout(this.#settle);
  }

  private settleThenReload(): void {
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => void this.reload(), this.times.settleMs).unref();
  }

  /** Reads the file again and takes it over if it has changed and is right. */
  async reload(): Promise<void> {
    if (this.#reloading) return;
    this.#reloading = true;
    try {
      const text = await readFile(this.path, 'utf8');
      if (text !== this.#text) this.take(text);
      this.#readable = true;
    } catch (error) {
      if (this.#readable)
        this.log.error(`${this.path} can't be read, the old routes stay: ${(error as Error).message}`);
      this.#readable = false;
    } finally {
      this.#reloading = false;
    }
  }

  private take(text: string): void {
    this.#text = text;
    const { routes, faults } = parse(text, this.path);
    if (routes === undefined) {
      this.log.error(
        [`${this.path} is wrong, the old routes stay:`, ...faults.map((fault) => `  - ${fault}`)].join('\n'),
      );
      return;
    }
    this.#routes = routes;
    for (const listener of this.#listeners) listener(routes);
    this.log.log(`${this.path}: ${routes.length} routes taken over`);
  }
}

function parse(text: string, path: string): ReturnType<typeof parseRoutes> {
  if (text.length > FILE_CHARACTERS_MAX) return { routes: undefined, faults: [`${path} is larger than 1 MiB`] };
  return parseRoutes(text, basename(path));
}
