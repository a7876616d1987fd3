import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startPostgres } from '../../scripts/stack/embedded-postgres.ts';
import { makeTemporaryDataDir, removeDataDir } from '../../scripts/stack/temporary-dir.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Of the superuser, on the database `postgres`. */
    postgresUrl: string;
  }
}

const COMPILED = join(import.meta.dirname, '../../node_modules/.cache/compiled');

/** One Postgres for all test files; each stack makes a database of its own in it. Its data is thrown away, so no fsync. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = await makeTemporaryDataDir('portcullis-test-');
  const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: 400 };
  const postgres = await startPostgres({ dataDir, settings });
  project.provide('postgresUrl', postgres.superuserUrl);
  // Each of some hundred starts of an app would compile the same modules anew. Test files inherit it, and hand it on.
  process.env['NODE_COMPILE_CACHE'] ??= COMPILED;
  return async () => {
    await postgres.stop();
    await removeDataDir(dataDir);
  };
}
