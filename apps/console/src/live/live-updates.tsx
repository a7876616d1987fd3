import { type Query, type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import type { LiveUpdateDto } from '../api/generated/types.gen.ts';
import { SESSION_KEY, useCurrentUser } from '../sign-in/session.ts';
import { TOKENS_KEY } from '../tokens/token-queries.ts';
import { USERS_KEY } from '../users/user-queries.ts';

/** However much changes, what is shown is read again this often at most. */
const PAUSE_MS = 700;
const RECONNECT_MS = 5_000;

/** Reads again what is shown when somebody else has changed it: the server says what has changed, not what it is now. */
export function LiveUpdates() {
  const client = useQueryClient();
  const { id } = useCurrentUser();
  useEffect(() => follow(client, id), [client, id]);
  return null;
}

/** While the page is visible. A browser has six connections for a host, and each hidden page would hold one of them. */
function follow(client: QueryClient, ownId: number): () => void {
  let stop: (() => void) | undefined;
  const look = (): void => {
    if (document.visibilityState === 'visible') stop ??= listen(client, ownId);
    else {
      stop?.();
      stop = undefined;
    }
  };
  document.addEventListener('visibilitychange', look);
  look();
  return () => {
    document.removeEventListener('visibilitychange', look);
    stop?.();
  };
}

function listen(client: QueryClient, ownId: number): () => void {
  const refresh = refresher(client);
  let reconnection: ReturnType<typeof setTimeout> | undefined;
  let source: EventSource;
  const connect = (): void => {
    source = new EventSource('/api/events');
    // Nothing is replayed, so what happened before this connection has to be read.
    source.addEventListener('ready', () => refresh([TOKENS_KEY, USERS_KEY]));
    source.addEventListener('change', ({ data }: MessageEvent<string>) =>
      refresh(keysOf(JSON.parse(data) as LiveUpdateDto, ownId)),
    );
    source.addEventListener('end', again);
    source.addEventListener('error', () => {
      void client.invalidateQueries({ predicate: isShownAsFresh });
      // The browser comes back by itself after a broken connection, and not after an answer that it doesn't like.
      if (source.readyState === EventSource.CLOSED) again();
    });
  };
  /** The session has ended, unless another tab has begun one meanwhile; or there are too many streams. */
  const again = (): void => {
    source.close();
    void client.invalidateQueries({ queryKey: SESSION_KEY });
    reconnection = setTimeout(connect, RECONNECT_MS);
  };
  connect();
  return () => {
    clearTimeout(reconnection);
    source.close();
  };
}

/** What nobody keeps up to date now: reading it again either does so, or says that the server doesn't answer. */
function isShownAsFresh({ queryKey: [key], state }: Query): boolean {
  return (key === TOKENS_KEY || key === USERS_KEY) && state.status === 'success';
}

/**
 * A user's list shows how many tokens they have, and a token's row what its user is called. A change of one's own role changes what
 * there is to see.
 */
function keysOf({ token_id, user_id }: LiveUpdateDto, ownId: number): string[] {
  const isOwnUser = token_id === undefined && user_id === ownId;
  return [TOKENS_KEY, USERS_KEY, ...(isOwnUser ? SESSION_KEY : [])];
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
