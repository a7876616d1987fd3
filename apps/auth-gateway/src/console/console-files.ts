import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, sep } from 'node:path';

/** One file of the built console, in memory. */
export interface ConsoleFile {
  readonly contentType: string;
  readonly cacheControl: string;
  /** The file as it is, and as the build has compressed it, the best first. */
  readonly representations: readonly Representation[];
}

export interface Representation {
  readonly encoding: 'br' | 'gzip' | 'identity';
  readonly body: Buffer;
  /** A strong entity tag, quoted (RFC 9110 section 8.8.3); each encoding has its own. */
  readonly etag: string;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};
const SUFFIXES = { br: '.br', gzip: '.gz' } as const;

const DAY_SECONDS = 86_400;
/** Names under assets/ carry a hash of the content, so what is at one never changes. */
const cacheControlOf = (path: string): string => {
  if (path === '/index.html') return 'no-store';
  return path.startsWith('/assets/')
    ? `public, max-age=${365 * DAY_SECONDS}, immutable`
    : `public, max-age=${DAY_SECONDS}`;
};

/**
 * Reads the built console once; nothing is read for a request, so no path leads out of it.
 *
 * @param folder the output of the console's build
 * @returns each file by the path it is served at; undefined when the console isn't built
 */
export function readConsoleFiles(folder: string): ReadonlyMap<string, ConsoleFile> | undefined {
  let names: string[];
  try {
    names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch {
    return undefined;
  }
  const files = new Map<string, ConsoleFile>();
  for (const name of names) {
    const contentType = CONTENT_TYPES[extname(name)];
    if (contentType === undefined) continue;
    const path = `/${name.split(sep).join('/')}`;
    const representations = representationsOf(folder, name, names);
    files.set(path, { contentType, cacheControl: cacheControlOf(path), representations });
  }
  return files.has('/index.html') ? files : undefined;
}

function representationsOf(folder: string, name: string, names: readonly string[]): Representation[] {
  const compressed = (['br', 'gzip'] as const).filter((encoding) => names.includes(name + SUFFIXES[encoding]));
  return [
    ...compressed.map((encoding) => representation(encoding, readFileSync(join(folder, name + SUFFIXES[encoding])))),
    representation('identity', readFileSync(join(folder, name))),
  ];
}

function representation(encoding: Representation['encoding'], body: Buffer): Representation {
  return { encoding, body, etag: `"${createHash('sha256').update(body).digest('base64url')}"` };
}
