import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import type { LiveUpdateDto } from '../api/generated/types.gen.ts';
import { SESSION_KEY } from '../sign-in/session.ts';
import { TOKENS_KEY } from '../tokens/token-queries.ts';
import { USERS_KEY } from '../users/user-queries.ts';

/** However much changes, what is shown is read again this often at most. */
const PAUSE_MS = 700;
const RECONNECT_MS = 5_000;

/** Reads again what is shown when somebody else has changed it: the server says what has changed, not what it is now. */
export function LiveUpdates() {
  const client = useQueryClient();
  useEffect(() => follow(client), [client]);
  return null;
}

function follow(client: QueryClient): () => void {
  const refresh = refresher(client);
  let reconnection: ReturnType<typeof setTimeout> | undefined;
  let source: EventSource;
  const connect = (): void => {
    source = new EventSource('/api/events');
    // Nothing is replayed, so what happened before this connection has to be read.
    source.addEventListener('ready', () => refresh([TOKENS_KEY, USERS_KEY]));
    source.addEventListener('change', ({ data }: MessageEvent<string>) =>
      refresh(keysOf(JSON.parse(data) as LiveUpdateDto)),
    );
    source.addEventListener('end', () => {
      source.close();
      void client.invalidateQueries({ queryKey: SESSION_KEY });
    });
    source.addEventListener('error', () => {
      // The browser comes back by itself after a broken connection, and not after an answer that it doesn't like.
      if (source.readyState === EventSource.CLOSED) reconnection = setTimeout(connect, RECONNECT_MS);
    });
  };
  connect();
  return () => {
    clearTimeout(reconnection);
    source.close();
  };
}

/** A user's list shows how many tokens they have, and a token's row what its user is called. */
function keysOf({ token_id }: LiveUpdateDto): string[] {
  return token_id === undefined ? [USERS_KEY, TOKENS_KEY] : [TOKENS_KEY, USERS_KEY];
}

function refresher(client: QueryClient): (keys: string[]) => void {
  const wanted = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const run = (): void => {
    timer = undefined;
    if (wanted.size === 0) return;
    for (const key of wanted) void client.invalidateQueries({ queryKey: [key] });
    wanted.clear();
    timer = setTimeout(run, PAUSE_MS);
  };
  return (keys) => {
    for (const key of keys) wanted.add(key);
    if (timer === undefined) run();
  };
}
