import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';
import { ApiError } from '../api/problem.ts';
import { SESSION_KEY } from '../sign-in/session.ts';

const RETRIES_MAX = 2;

/** The cache of what the API said. A session that has ended is noticed by whichever call comes first. */
export function createQueryClient(): QueryClient {
  const client = new QueryClient({
    queryCache: new QueryCache({ onError: signOutOn }),
    mutationCache: new MutationCache({
      onError: (error, _variables, _result, mutation) => mutation.meta?.['signsIn'] !== true && signOutOn(error),
    }),
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        retry: (failures, error) => error instanceof ApiError && error.isOutage && failures < RETRIES_MAX,
        retryDelay: (attempt) => 400 * 2 ** attempt,
        networkMode: 'always',
      },
      mutations: { networkMode: 'always' },
    },
  });
  function signOutOn(error: Error): void {
    if (error instanceof ApiError && error.isSignedOut) client.setQueryData(SESSION_KEY, null);
  }
  return client;
}
