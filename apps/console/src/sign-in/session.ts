import { type QueryClient, useQuery } from '@tanstack/react-query';
import { createContext, useContext } from 'react';
import { sessionsDelete, sessionsGet } from '../api/generated/operations.gen.ts';
import type { SessionDto, UserDto } from '../api/generated/types.gen.ts';
import { ApiError } from '../api/problem.ts';

export const SESSION_KEY = ['session'] as const;

/** Who is signed in; `null`: nobody. */
export function useSession() {
  return useQuery({
    queryKey: SESSION_KEY,
    queryFn: async ({ signal, client }) => {
      const session = await readSession(signal);
      const before = client.getQueryData<SessionDto | null>(SESSION_KEY);
      // In another tab of this browser somebody else may have signed in: nothing that was read for the first is theirs to see.
      if (before && session && before.user.id !== session.user.id) forgetOthers(client);
      return session;
    },
    staleTime: 60_000,
  });
}

async function readSession(signal: AbortSignal): Promise<SessionDto | null> {
  try {
    return (await sessionsGet({ signal })).data;
  } catch (error) {
    if (error instanceof ApiError && error.isSignedOut) return null;
    throw error;
  }
}

/** Ends the session on the server, and begins anew with a page that holds nothing of what was read in it. */
export async function signOut(): Promise<void> {
  await sessionsDelete({});
  window.location.assign('/');
}

/** Says who is signed in from now on, and forgets what was read for whoever was before. */
export function setSession(client: QueryClient, session: SessionDto): void {
  forgetOthers(client);
  client.setQueryData(SESSION_KEY, session);
}

function forgetOthers(client: QueryClient): void {
  client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== SESSION_KEY[0] });
}

export const CurrentUser = createContext<UserDto | undefined>(undefined);

/** The person who is signed in. Only below the sign-in gate. */
export function useCurrentUser(): UserDto & { isAdmin: boolean; seesUsers: boolean } {
  const user = useContext(CurrentUser);
  if (user === undefined) throw new Error('nobody is signed in here');
  const isAdmin = user.role === 'Admin';
  return { ...user, isAdmin, seesUsers: isAdmin || user.role === 'Manager' };
}
