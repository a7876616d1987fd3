import { readFile } from 'node:fs/promises';
import type { EmbeddedPostgres } from '../../scripts/stack/embedded-postgres.ts';

/** Stops Postgres in its tracks: connections stay open and are answered by nobody. @returns what lets it go on */
export async function freezePostgres({ pid }: EmbeddedPostgres): Promise<() => void> {
  process.kill(pid, 'SIGSTOP'); // first, so that it starts no further session
  const sessions = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').map(Number);
  const all = [pid, ...sessions];
  for (const each of all) process.kill(each, 'SIGSTOP');
  return () => {
    for (const each of all) process.kill(each, 'SIGCONT');
  };
}
