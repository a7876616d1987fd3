import type { EmbeddedPostgres } from '../../scripts/stack/embedded-postgres.ts';
import { childrenOf } from './process-table.ts';

/** Stops Postgres in its tracks: connections stay open and are answered by nobody. @returns what lets it go on */
export function freezePostgres({ pid }: EmbeddedPostgres): () => void {
  process.kill(pid, 'SIGSTOP'); // first, so that it starts no further session
  const all = [pid, ...childrenOf(pid)];
  for (const each of all) process.kill(each, 'SIGSTOP');
  return () => {
    for (const each of all) process.kill(each, 'SIGCONT');
  };
}
