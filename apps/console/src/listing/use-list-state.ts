import { useCallback } from 'react';
import { useSearchParams } from 'react-router';

/** What the API takes at most. */
const PAGE_MAX = 1_000_000;

/** What a list shows, kept in the address: a reload, a bookmark or the way back shows the same. */
export function useListState() {
  const [parameters, setParameters] = useSearchParams();
  /** Changes some of it; what is empty is left out of the address, and another selection begins at page 1. */
  const change = useCallback(
    (changes: Record<string, string | number | undefined>) => {
      setParameters(
        (before) => {
          const after = new URLSearchParams(before);
          if (!('page' in changes)) after.delete('page');
          for (const [name, value] of Object.entries(changes)) {
            if (value === undefined || value === '' || (name === 'page' && value === 1)) after.delete(name);
            else after.set(name, String(value));
          }
          return after;
        },
        { replace: true },
      );
    },
    [setParameters],
  );
  const page = Number(parameters.get('page'));
  return { parameters, change, page: Number.isSafeInteger(page) && page > 0 && page <= PAGE_MAX ? page : 1 };
}
