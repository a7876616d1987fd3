import { randomBytes } from 'node:crypto';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { createFileOnce, readIfPresent } from './atomic-file.ts';

export interface Secret {
  path: string;
  value: string;
  /** Whether this call made it. */
  created: boolean;
}

/** Reads `<dataDir>/master-key`, or makes it: 32 random bytes, base64. Throws when the file holds anything else than such keys. */
export async function ensureMasterKey(dataDir: string): Promise<Secret> {
  const secret = await ensureSecret(join(dataDir, 'master-key'), () => randomBytes(32).toString('base64'));
  if (!/^[A-Za-z0-9+/]{43}=([\s,]+[A-Za-z0-9+/]{43}=)*$/.test(secret.value)) {
    throw new Error(`${secret.path} is not a master key (32 bytes, base64): put back the one that was there`);
  }
  return secret;
}

/** Reads `<dataDir>/internal-secret`, what gateways show on the internal API, or makes it. */
export function ensureInternalSecret(dataDir: string): Promise<Secret> {
  return ensureSecret(join(dataDir, 'internal-secret'), () => randomBytes(32).toString('base64url'));
}

/** Reads `<dataDir>/postgres-password`, or makes it. Its alphabet needs no quoting in SQL or in a URL. */
export function ensurePostgresPassword(dataDir: string): Promise<Secret> {
  return ensureSecret(join(dataDir, 'postgres-password'), () => randomBytes(24).toString('base64url'));
}

/**
 * Reads a secret from its file, or makes it once and for all, readable by its owner only.
 *
 * @throws when the file is there and empty: making another would lock out whatever the first one guards.
 */
export async function ensureSecret(path: string, make: () => string): Promise<Secret> {
  const present = await readIfPresent(path);
  const created = present === undefined && (await createFileOnce(path, `${make()}\n`, 0o600));
  if (!created) await chmod(path, 0o600);
  const value = (await readIfPresent(path))?.trim();
  if (!value) throw new Error(`${path} is empty: put back the secret that was there`);
  return { path, value, created };
}
