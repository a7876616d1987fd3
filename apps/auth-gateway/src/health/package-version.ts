import { readFileSync } from 'node:fs';

/** The app's version, from its package.json, which is as far from `dist/health` as from `src/health`. */
export function packageVersion(): string {
  const file = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(file) as { version: string }).version;
}
