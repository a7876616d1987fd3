import { type QueryClient, useQuery, useQueryClient } from '@tanstack/react-query';
import { createContext, useContext } from 'react';
import { sessionsDelete, sessionsGet } from '../api/generated/operations.gen.ts';
import type { SessionDto, UserDto } from '../api/generated/types.gen.ts';
import { ApiError } from '../api/problem.ts';

export const SESSION_KEY = ['session'] as const;

/** Who is signed in; `null`: nobody. */
export function useSession() {
  return useQuery({ queryKey: SESSION_KEY, queryFn: ({ signal }) => readSession(signal), staleTime: 60_000 });
}

async function readSession(signal: AbortSignal): Promise<SessionDto | null> {
  try {
    return (await sessionsGet({ signal })).data;
  } catch (error) {
    if (error instanceof ApiError && error.isSignedOut) return null;
    throw error;
  }
}

/** Ends the session on the server, and forgets all that was read in it. */
export function useSignOut(): () => Promise<void> {
  const client = useQueryClient();
  return async () => {
    await sessionsDelete({});
    setSession(client, null);
  };
}

/** Says who is signed in from now on, and forgets what was read for whoever was before. */
export function setSession(client: QueryClient, session: SessionDto | null): void {
  client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== SESSION_KEY[0] });
  client.setQueryData(SESSION_KEY, session);
}

export const CurrentUser = createContext<UserDto | undefined>(undefined);

/** The person who is signed in. Only below the sign-in gate. */
export function useCurrentUser(): UserDto & { isAdmin: boolean; seesUsers: boolean } {
  const user = useContext(CurrentUser);
  if (user === undefined) throw new Error('nobody is signed in here');
  const isAdmin = user.role === 'Admin';
  return { ...user, isAdmin, seesUsers: isAdmin || user.role === 'Manager' };
}
