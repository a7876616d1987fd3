import { keepPreviousData, useQuery } from '@tanstack/react-query';
import {
  tokensFindAll,
  tokensFindOwn,
  tokensFindService,
  tokensGet,
  tokensUsageOf,
} from '../api/generated/operations.gen.ts';
import type { TokensFindAllData } from '../api/generated/types.gen.ts';

/** Whose tokens a list shows. `everyone`: the personal tokens of all people. */
export const TOKEN_LISTS = ['personal', 'everyone', 'service'] as const;
export type TokenListName = (typeof TOKEN_LISTS)[number];
type TokenListQuery = Omit<NonNullable<TokensFindAllData['query']>, 'user_id' | 'type' | 'scim'>;
export type TokenSort = NonNullable<TokenListQuery['sort']>;

export const TOKENS_KEY = 'tokens';
export const TOKEN_PAGE_SIZE = 50;

/** One page of a list of tokens. The page before stays until the next is there. */
export function useTokens(list: TokenListName, query: TokenListQuery) {
  return useQuery({
    queryKey: [TOKENS_KEY, 'list', list, query],
    queryFn: async ({ signal }) => (await readTokens(list, query, signal)).data,
    placeholderData: keepPreviousData,
  });
}

function readTokens(list: TokenListName, query: TokenListQuery, signal: AbortSignal) {
  if (list === 'service') return tokensFindService({ query, signal });
  if (list === 'everyone') return tokensFindAll({ query: { ...query, type: 'Personal' }, signal });
  return tokensFindOwn({ query, signal });
}

export function useToken(id: number) {
  return useQuery({
    queryKey: [TOKENS_KEY, 'one', id],
    queryFn: async ({ signal }) => (await tokensGet({ path: { id }, signal })).data,
  });
}

/** Requests per hour with a token, over so many hours, and where it was last used from. */
export function useTokenUsage(id: number, hours: number) {
  return useQuery({
    queryKey: [TOKENS_KEY, 'usage', id, hours],
    queryFn: async ({ signal }) => (await tokensUsageOf({ path: { id }, query: { hours }, signal })).data,
    placeholderData: keepPreviousData,
  });
}
