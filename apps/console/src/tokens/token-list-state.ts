import { useMemo } from 'react';
import { useListState } from '../listing/use-list-state.ts';
import { useCurrentUser } from '../sign-in/session.ts';
import { TOKEN_STATUSES } from './token.ts';
import { TOKEN_LISTS, TOKEN_PAGE_SIZE, type TokenSort } from './token-queries.ts';

const SORTS: readonly string[] = ['id', 'name', 'user', 'status', 'expiration', 'last_used'];
const isSort = (text: string | null): text is TokenSort => text !== null && SORTS.includes(text.replace(/^-/, ''));

/** Which tokens are shown: read from the address, where anything may stand. */
export function useTokenListState() {
  const { parameters, change, page } = useListState();
  const { isAdmin } = useCurrentUser();
  const [asked, status, sort, q] = ['list', 'status', 'sort', 'q'].map((name) => parameters.get(name));
  const list = (isAdmin && TOKEN_LISTS.find((name) => name === asked)) || 'personal';
  const query = useMemo(
    () => ({
      page,
      size: TOKEN_PAGE_SIZE,
      sort: isSort(sort ?? null) ? (sort as TokenSort) : ('-id' as const),
      q: q || undefined,
      status: TOKEN_STATUSES.find((name) => name === status),
    }),
    [page, sort, q, status],
  );
  return { list, query, change };
}
