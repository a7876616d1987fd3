import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const REPOSITORY = join(import.meta.dirname, '..', '..');
const SETTING = /'((?:PORTCULLIS_|DATABASE_|NATS_)[A-Z_]+)'/g;
/** Those that may come from a file too. */
const SECRET = /(?:ecret|SecretUrl|secretUrls?|masterKeys)\((?:env, )?'([A-Z_]+)'/g;

/** The environment variables that an app reads, from its `config.ts`, the one place that reads any. */
export async function knownSettings(app: 'auth-gateway' | 'token-service'): Promise<Set<string>> {
  const code = await readFile(join(REPOSITORY, 'apps', app, 'src', 'config.ts'), 'utf8');
  const names = [...code.matchAll(SETTING)].map(([, name]) => name!);
  const files = [...code.matchAll(SECRET)].map(([, name]) => `${name}_FILE`);
  return new Set([...names, ...files]);
}
